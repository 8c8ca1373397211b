"""A folder on disk that stands for an image's file system, read as the image's reader reads one."""

from __future__ import annotations

import csv
import hashlib
import io
import posixpath
import subprocess
import sys
from email.parser import BytesParser
from typing import TYPE_CHECKING

from gate.model.image import Component, ImageFacts, Inventory
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gate.origin.interface import FileFact

SITE = "usr/local/lib/python3.11/site-packages"


class DiskFiles:
    """The files below a folder, without what no record names."""

    def __init__(self, root: Path) -> None:
        """Read `root` anew at each question."""
        self.root = root

    def metadata(self, component: Component) -> bytes:
        """Return METADATA."""
        return self._bytes(f"{component.path}/METADATA")

    def record(self, component: Component) -> bytes:
        """Return RECORD."""
        return self._bytes(f"{component.path}/RECORD")

    def rows(self, component: Component) -> Mapping[str, FileFact]:
        """Return the files that RECORD names and the folder has."""
        site = posixpath.dirname(component.path)
        paths = [row[0] for row in csv.reader(io.StringIO(self.record(component).decode(), newline="")) if row]
        found = {path: self._fact(path) for path in (posixpath.normpath(posixpath.join(site, path)) for path in paths)}
        return {path: fact for path, fact in found.items() if fact is not None}

    def _fact(self, path: str) -> FileFact | None:
        file = self.root / path
        if not file.is_file():
            return None
        data = file.read_bytes()
        return len(data), hashlib.sha256(data).hexdigest()

    def _bytes(self, path: str) -> bytes:
        file = self.root / path
        return file.read_bytes() if file.is_file() else b""


class AllDiskFiles(DiskFiles):
    """All files below a folder."""

    def file(self, path: str) -> FileFact | None:
        """Return one file."""
        return self._fact(path)

    def below(self, folder: str) -> Mapping[str, FileFact]:
        """Return every file below a folder of the image."""
        paths = [str(file.relative_to(self.root)) for file in (self.root / folder).rglob("*") if file.is_file()]
        return {path: fact for path in paths if (fact := self._fact(path)) is not None}


def install(root: Path, *wheels: Path, compiled: bool = False) -> None:
    """Install wheels with pip as an image's build does, under the prefix `usr/local`."""
    arguments = ["--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--no-warn-script-location"]
    arguments += [] if compiled else ["--no-compile"]
    command = [sys.executable, "-m", "pip", "install", *arguments, "--prefix", str(root / "usr/local")]
    subprocess.run([*command, *map(str, wheels)], check=True, capture_output=True)


def components(root: Path) -> tuple[Component, ...]:
    """Return what is installed below a folder, as the image's reader reports it."""
    return tuple(_component(root, path) for path in sorted(root.rglob("*.dist-info")))


def _component(root: Path, path: Path) -> Component:
    metadata = (path / "METADATA").read_bytes()
    headers = BytesParser().parsebytes(metadata, headersonly=True)
    wheel = BytesParser().parsebytes((path / "WHEEL").read_bytes(), headersonly=True)
    return Component(
        kind=Kind.PYPI,
        name=str(headers["Name"]),
        version=str(headers["Version"]),
        path=str(path.relative_to(root)),
        layer=1,
        facts={
            "metadata_sha256": hashlib.sha256(metadata).hexdigest(),
            "wheel_tags": " ".join(wheel.get_all("Tag", [])),
            "installer": "pip",
        },
    )


def inventory(*found: Component) -> Inventory:
    """Return an inventory of some image with these components."""
    digest = "sha256:" + "0" * 64
    facts = ImageFacts(
        repository="registry.example.org/app",
        digest=digest,
        media_type="application/vnd.oci.image.manifest.v1+json",
        config_digest=digest,
        platform="linux/amd64",
        layers=(),
    )
    return Inventory(image=facts, components=found)
