"""A Debian base image with Python, made once a machine (by debootstrap, else by Docker) and brought into an engine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from servers.cache import cache_folder, locked
from servers.engine import DockerEngine
from servers.processes import ServerError, run

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-venv")
DOCKER_IMAGE = "debian:bookworm-slim"
_LEFT_OUT = ("var/cache/apt", "var/lib/apt/lists", "var/log", "etc/hostname", "etc/resolv.conf")
_RECIPE = f"2 {SUITE} minbase {' '.join(PACKAGES)} without {' '.join(_LEFT_OUT)}"
_ONE_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(?P<url>\S+)\s+(?P<suite>\S+)\s+main\b", re.MULTILINE)
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianBase:
    """The base in an engine: `reference` for `FROM`, the id of its config, and its layers' diff ids."""

    reference: str
    image_id: str
    diff_ids: tuple[str, ...]


def debian_base_image(engine: DockerEngine) -> DebianBase:
    """Import the base into the engine, or take it from there; made by debootstrap if this machine has none yet.

    Raises:
        ServerError: it can't be made here.
    """
    archive = debian_archive()
    reference = f"gate-tests/debian:{archive.stem.rpartition('-')[2]}"
    if not engine.docker("image", "ls", "--quiet", reference).strip():
        engine.docker("import", "--change", 'CMD ["python3"]', str(archive), reference)
    return DebianBase(reference=reference, image_id=engine.image_id(reference), diff_ids=engine.diff_ids(reference))


def debian_archive() -> Path:
    """Return the base's file system as a tar file, kept by the digest of its recipe."""
    name = f"debian-base-{hashlib.sha256(_RECIPE.encode()).hexdigest()[:16]}"
    kept = cache_folder() / f"{name}.tar"
    with locked(name):
        if not kept.exists():
            if debootstrap_possible():
                _by_debootstrap(kept)
            else:
                archive_by_docker(kept)
    return kept


def debootstrap_possible() -> bool:
    """Say whether the base can be made here without any image."""
    return os.geteuid() == 0 and shutil.which("debootstrap") is not None


def archive_by_docker(kept: Path, image: str = DOCKER_IMAGE, *, network: str = "default") -> None:
    """Make the base with the machine's engine, out of Debian's own image: where there is no debootstrap.

    Raises:
        ServerError: the engine can't.
    """
    install = f"apt-get update && apt-get install --yes --no-install-recommends {' '.join(PACKAGES)}"
    recipe = f"FROM {image}\nRUN {install} && rm -rf /var/lib/apt/lists/*\n"
    built = run(["docker", "build", "--quiet", "--network", network, "-"], data=recipe.encode()).split()[-1]
    container = run(["docker", "create", built]).split()[-1]
    part = _part(kept)
    try:
        run(["docker", "export", "--output", str(part), container])
    finally:
        run(["docker", "rm", container])
    part.replace(kept)


def _part(kept: Path) -> Path:
    """Name the file that becomes `kept` in one step: whoever comes next finds a whole file or none."""
    return kept.with_suffix(f".{os.getpid()}.part")


def _by_debootstrap(kept: Path) -> None:
    mirror = debian_mirror()
    with tempfile.TemporaryDirectory(prefix="gate-debian-", dir=_room()) as folder:
        root = Path(folder) / "root"
        keyring = [f"--keyring={_KEYRING}"] if _KEYRING.exists() else []
        options = ["--variant=minbase", f"--include={','.join(PACKAGES)}", *keyring]
        run(["debootstrap", *options, SUITE, str(root), mirror])
        for part in _LEFT_OUT:
            _empty(root / part)
        part_file = _part(kept)
        run(["tar", "--create", "--numeric-owner", "--sort=name", "--exclude=./dev/*", "--file", str(part_file),
             "--directory", str(root), "."])  # fmt: skip
        part_file.replace(kept)


def _room() -> Path | None:
    """Return a place that allows devices and programs, as debootstrap needs them; None for the usual one."""
    return Path("/var/tmp") if Path("/var/tmp").is_dir() else None  # noqa: S108 - a fresh folder of its own is made below


def _empty(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        path.mkdir()
    elif path.exists() or path.is_symlink():
        path.unlink()


def debian_mirror() -> str:
    """Return the mirror that this machine's own apt uses for the suite, so that no address stands in the tests.

    Raises:
        ServerError: GATE_TESTS_DEBIAN_MIRROR is not set and apt names none.
    """
    named = os.environ.get("GATE_TESTS_DEBIAN_MIRROR")
    if named:
        return named
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    for file in files:
        text = file.read_text(errors="replace") if file.is_file() else ""
        found = _deb822(text) if file.suffix == ".sources" else _one_line(text)
        if found:
            return found
    message = f"apt names no mirror that has {SUITE}: set GATE_TESTS_DEBIAN_MIRROR"
    raise ServerError(message)


def _one_line(text: str) -> str | None:
    return next((match["url"] for match in _ONE_LINE.finditer(text) if match["suite"] == SUITE), None)


def _deb822(text: str) -> str | None:
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
        wanted = SUITE in fields.get("Suites", "").split() and "main" in fields.get("Components", "").split()
        if wanted and fields.get("Enabled", "yes").lower() != "no" and fields.get("URIs"):
            return str(fields["URIs"].split()[0])
    return None
