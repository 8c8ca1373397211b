"""Bring what the tests need onto this machine, or say what is missing and fail: nothing is skipped in silence.

On Debian as root the missing programs are installed with apt. Elsewhere they have to be on PATH, or a Docker engine has
to answer, which then gives the registry's program and the base image. Run by `make servers`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.base import debian_archive
from servers.cache import cache_folder
from servers.engine import machine_engine, own_engine_possible
from servers.processes import ServerError, run
from servers.registry import registry_program
from servers.sigstore import sigstore_verifier

REGISTRY_IMAGE = "registry:2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A program that tests start: its name, Debian's package, and where to look beside PATH."""

    program: str
    package: str
    folders: str = ""

    def met(self) -> bool:
        """Say whether the program is here."""
        if shutil.which(self.program):
            return True
        return bool(self.folders) and any(Path("/").glob(f"{self.folders.lstrip('/')}/{self.program}"))


NEEDS = (
    Need(program="docker-registry", package="docker-registry"),
    Need(program="docker", package="docker.io"),
    Need(program="dockerd", package="docker.io", folders="/usr/sbin"),
    Need(program="containerd", package="containerd", folders="/usr/bin"),
    Need(program="debootstrap", package="debootstrap", folders="/usr/sbin"),
    Need(program="openssl", package="openssl"),
    Need(program="git", package="git"),
    Need(program="node", package="nodejs"),
    Need(program="npm", package="npm"),
    Need(program="skopeo", package="skopeo"),
    Need(program="initdb", package="postgresql", folders="/usr/lib/postgresql/*/bin"),
    Need(program="postgres", package="postgresql", folders="/usr/lib/postgresql/*/bin"),
)


def missing(needs: Iterable[Need] = NEEDS) -> list[Need]:
    """Return what is not here and not replaced by something that is."""
    return [need for need in needs if not need.met() and not _replaced(need)]


def main() -> int:
    """Install, check, make the base image; 0 if all tests can run."""
    try:
        if missing() and _debian_root():
            _apt(sorted({need.package for need in missing()}))
        if any(need.program == "docker-registry" for need in missing()) and machine_engine():
            take_registry()
        if not missing():
            debian_archive()
            sigstore_verifier()
            return 0
    except ServerError as error:
        _say(str(error))
    for need in missing():
        _say(f"missing: `{need.program}` (Debian's package `{need.package}`)")
    _say("not everything that the tests need is here: mend the above, or run as root on Debian; then `make servers`")
    return 1


def _replaced(need: Need) -> bool:
    if need.program == "docker-registry":
        try:
            registry_program()
        except ServerError:
            return False
        return True
    if need.program in {"dockerd", "containerd", "debootstrap"}:
        return not own_engine_possible() and machine_engine() is not None
    return False


def _debian_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0 and Path("/etc/debian_version").exists()


def _apt(packages: list[str]) -> None:
    _say(f"installing {', '.join(packages)}")
    environ = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    try:
        run(install, environ=environ)
    except ServerError:
        # The lists may be old or empty, as they are in a fresh container.
        run(["apt-get", "update", "--quiet"], environ=environ)
        run(install, environ=environ)


def take_registry(image: str = REGISTRY_IMAGE) -> None:
    """Copy the registry's static program out of its image, for tests run it as a process of their own."""
    _say(f"taking the registry's program out of the image `{image}`")
    container = run(["docker", "create", image]).split()[-1]
    try:
        run(["docker", "cp", f"{container}:/bin/registry", str(cache_folder() / "docker-registry")])
    finally:
        run(["docker", "rm", container])


def _say(text: str) -> None:
    sys.stderr.write(f"servers: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
