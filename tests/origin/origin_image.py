"""A folder on disk that stands for an image's file system, read as the image's reader reads one."""

from __future__ import annotations

import csv
import hashlib
import io
import posixpath
import shutil
import subprocess
import sys
from dataclasses import dataclass
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

from index.wheel_maker import urlsafe

from gate.model.image import Component, ImageFacts, Inventory
from gate.model.origin import Kind
from gate.origin.prove import prove_inventory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from index.index_server import IndexServer
    from index.wheel_maker import WheelRecipe

    from gate.index.client import PythonIndex
    from gate.index.facts import WheelFacts
    from gate.model.exception import Grant
    from gate.model.image import Proof
    from gate.origin.interface import FileFact, InstalledFiles

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


def install(root: Path, wheels: Sequence[Path], *, pool: Path, compiled: bool = False) -> None:
    """Install wheels with pip as an image's build does, under the prefix `usr/local`.

    What the same wheels came to before is copied out of `pool`: starting pip is what costs.
    """
    key = hashlib.sha256(b"".join(wheel.read_bytes() for wheel in wheels) + bytes([compiled])).hexdigest()
    kept = pool / key
    if not kept.is_dir():
        arguments = ["--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--no-warn-script-location"]
        arguments += [] if compiled else ["--no-compile"]
        command = [sys.executable, "-m", "pip", "install", *arguments, "--prefix", str(kept / "usr/local")]
        subprocess.run([*command, *map(str, wheels)], check=True, capture_output=True)
        at_home(kept, kept / "usr/local/bin")
    shutil.copytree(kept, root, dirs_exist_ok=True)


def at_home(root: Path, scripts: Path) -> None:
    """Write into scripts the interpreter that pip would have found inside the image, instead of the tests' own."""
    for script in (path for path in scripts.glob("*") if path.is_file()):
        first, _, rest = script.read_bytes().partition(b"\n")
        if first in {b"#!" + sys.executable.encode(), b"#!" + str(root).encode() + b"/usr/local/bin/python"}:
            script.write_bytes(b"#!/usr/local/bin/python3.11\n" + rest)


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


@dataclass(kw_only=True)
class World:
    """An index, an image, and what proving comes to between the two."""

    server: IndexServer
    index: PythonIndex
    folder: Path
    pool: Path
    asked: bool = True

    @property
    def root(self) -> Path:
        """The image's file system."""
        return self.folder / "image"

    @property
    def site(self) -> Path:
        """Where Python packages lie in it."""
        return self.root / SITE

    def publish(self, *recipes: WheelRecipe) -> None:
        """Put wheels on the index."""
        for recipe in recipes:
            self.server.publish(recipe.name.replace("_", "-"), recipe.filename, recipe.build_bytes())

    def path(self, recipe: WheelRecipe) -> str:
        """Return where the server has a published wheel."""
        return f"/files/{recipe.name.replace('_', '-')}/{recipe.filename}"

    def install(self, *recipes: WheelRecipe, compiled: bool = False) -> None:
        """Install wheels into the image with pip."""
        wheels = [recipe.write(self.folder / "wheels") for recipe in recipes]
        install(self.root, wheels, pool=self.pool, compiled=compiled)

    def both(self, *recipes: WheelRecipe) -> None:
        """Publish and install."""
        self.publish(*recipes)
        self.install(*recipes)

    def rerecord(self, *paths: str, recipe: WheelRecipe) -> None:
        """Write the RECORD of an installed wheel anew for some paths in the site, as one who hides a change would."""
        record = self.site / recipe.dist_info / "RECORD"
        rows = {row[0]: row for row in csv.reader(io.StringIO(record.read_text(), newline="")) if row}
        for path in paths:
            data = (self.site / path).read_bytes()
            rows[path] = [path, urlsafe(data), str(len(data))]
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows.values())
        record.write_text(out.getvalue())

    def component(self, **changes: object) -> Component:
        """Return the only installed component, perhaps with something changed."""
        (found,) = components(self.root)
        return found.model_copy(update=changes)

    def prove(
        self,
        *found: Component,
        files: InstalledFiles | None = None,
        grants: Sequence[Grant] = (),
        wheels: Mapping[str, WheelFacts] | None = None,
        reserved: Sequence[str] = (),
    ) -> tuple[Proof, ...]:
        """Return the proofs of what is installed, or of the given components, in order."""
        proved = prove_inventory(
            inventory(*(found or components(self.root))),
            files or AllDiskFiles(self.root),
            index=self.index if self.asked else None,
            grants=grants,
            wheels=wheels,
            reserved=reserved,
            workers=2,
        )
        proofs = tuple(component.proof for component in proved.components)
        assert None not in proofs
        return tuple(proof for proof in proofs if proof is not None)

    def proof(self, *found: Component, **options: Any) -> Proof:
        """Return the proof of the only component."""
        (proof,) = self.prove(*found, **options)
        return proof
