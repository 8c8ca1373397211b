"""A real Docker engine: one of the tests' own where they run as root beside `dockerd`, else the machine's."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from servers.processes import ServerError, run, running

_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64}) size:")


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerEngine:
    """A running engine: `host` is what DOCKER_HOST says, `config` a folder for the client's log-ins."""

    host: str
    config: Path

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which any client finds this engine."""
        return {"DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.config), "DOCKER_BUILDKIT": "0"}

    def docker(self, *arguments: str, data: bytes = b"") -> str:
        """Run the docker client and return its output.

        Raises:
            ServerError: it failed; the message holds what it said.
        """
        return run(["docker", *arguments], environ=self.environ, data=data)

    def build(self, context: Path, tag: str, *, dockerfile: Path | None = None, network: str = "none") -> str:
        """Build an image and return its id; without a network, so what it needs is copied in or lies in its base."""
        file = ["--file", str(dockerfile)] if dockerfile else []
        self.docker("build", "--quiet", "--force-rm", "--network", network, "--tag", tag, *file, str(context))
        return self.image_id(tag)

    def push(self, image: str, target: str) -> str:
        """Push an image under another name and return the digest that the registry gave it."""
        self.docker("tag", image, target)
        match = _PUSHED.search(self.docker("push", target))
        if match is None:
            message = f"the push of `{target}` named no digest"
            raise ServerError(message)
        return match[1]

    def pull(self, reference: str) -> str:
        """Pull an image and return its id."""
        self.docker("pull", "--quiet", reference)
        return self.image_id(reference)

    def remove(self, *references: str) -> None:
        """Forget images, so that a pull has to bring them again."""
        self.docker("image", "rm", "--force", *references)

    def image_id(self, reference: str) -> str:
        """Return the id (the digest of the config) of an image."""
        return self.docker("image", "inspect", "--format", "{{.Id}}", reference).strip()

    def diff_ids(self, reference: str) -> tuple[str, ...]:
        """Return the diff ids of an image's layers, lowest first."""
        return tuple(json.loads(self.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", reference)))


def own_engine_possible() -> bool:
    """Say whether a private engine can be started here."""
    programs = all(shutil.which(name) for name in ("dockerd", "docker", "containerd"))
    return os.name == "posix" and os.geteuid() == 0 and programs


def machine_engine() -> str | None:
    """Return the address of the machine's engine if it answers, as its client would find it."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    return host if shutil.which("docker") and _answers(host) else None


@contextlib.contextmanager
def docker_engine_server() -> Iterator[DockerEngine]:
    """Run an engine, with its own storage and socket, to the end of the block.

    Raises:
        ServerError: neither can one be started, nor does the machine have one.
    """
    # A socket's path must be short: not below the test framework's own temporary folders.
    folder = Path(tempfile.mkdtemp(prefix="gate-engine-"))
    config = folder / "config"
    config.mkdir()
    try:
        if own_engine_possible():
            with _own(folder) as host:
                yield DockerEngine(host=host, config=config)
            return
        found = machine_engine()
        if found is None:
            message = "no Docker engine here: run `make servers`"
            raise ServerError(message)
        yield DockerEngine(host=found, config=config)
    finally:
        _unmount(folder)
        shutil.rmtree(folder)


@contextlib.contextmanager
def _own(folder: Path) -> Iterator[str]:
    host = f"unix://{folder}/engine.sock"
    # Without a bridge and without rules the engine leaves the machine's network as it is.
    command = ["dockerd", "--iptables=false", "--bridge=none", "--host", host]
    command += ["--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
    command += ["--pidfile", str(folder / "engine.pid"), "--config-file", str(folder / "none.json")]
    (folder / "none.json").write_text("{}")
    with running(command, folder / "engine.log", ready=lambda: _answers(host)):
        yield host


def _answers(host: str) -> bool:
    asked = subprocess.run(
        ["docker", "--host", host, "version", "--format", "{{.Server.Version}}"],  # noqa: S607 - found on PATH by design
        capture_output=True,
        check=False,
    )
    return asked.returncode == 0


def _unmount(folder: Path) -> None:
    """Take away what the engine left mounted below its folder, deepest first."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    points = [line.split(" ")[1] for line in mounts.read_text().splitlines()]
    for point in sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True):
        run(["umount", point])
