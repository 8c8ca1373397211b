"""Conda packages built on the spot, a channel folder of them, and environments that py-rattler really installs."""

from __future__ import annotations

import asyncio
import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import zstandard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PLACEHOLDER = "/home/builder/placeholder_" + "placehold_" * 12
"""What stands in a package for the prefix that nobody knows yet, as long as conda-build makes it."""


def sha(data: bytes) -> str:
    """Return the sha256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Package:
    """What goes into a package.

    `files` are bytes, or `"-> target"` for a link; a file that holds `PLACEHOLDER` gets the prefix written into it, as
    text or, if it has a NUL in it, as binary. `entry_points` makes a noarch Python package.
    """

    name: str
    version: str = "1.0"
    build: str = "0"
    subdir: str = "linux-64"
    depends: tuple[str, ...] = ()
    files: Mapping[str, bytes | str] = field(default_factory=dict)
    entry_points: tuple[str, ...] | None = None
    old: bool = False
    info: Mapping[str, bytes] = field(default_factory=dict)

    def but(self, **changes: Any) -> Package:
        """Return another package with something changed."""
        return replace(self, **changes)

    @property
    def stem(self) -> str:
        """Name, version and build."""
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def filename(self) -> str:
        """Its file name."""
        return self.stem + (".tar.bz2" if self.old else ".conda")

    @property
    def index(self) -> dict[str, Any]:
        """Its `info/index.json`."""
        index: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
            "timestamp": 1_767_312_000_000,
        }
        if self.subdir == "noarch":
            index["noarch"] = "generic" if self.entry_points is None else "python"
        return index

    @property
    def paths(self) -> list[dict[str, Any]]:
        """Its rows of `info/paths.json`."""
        return [self._row(path, node) for path, node in self.files.items()]

    def _row(self, path: str, node: bytes | str) -> dict[str, Any]:
        if isinstance(node, str):
            target = self.files.get("/".join([*path.split("/")[:-1], node.removeprefix("-> ")]), b"")
            data = target if isinstance(target, bytes) else b""
            return {"_path": path, "path_type": "softlink", "sha256": sha(data), "size_in_bytes": len(data)}
        row: dict[str, Any] = {"_path": path, "path_type": "hardlink", "sha256": sha(node), "size_in_bytes": len(node)}
        if PLACEHOLDER.encode() in node:
            row |= {"prefix_placeholder": PLACEHOLDER, "file_mode": "binary" if b"\0" in node else "text"}
        return row

    def build_bytes(self) -> bytes:
        """Return the archive."""
        info: dict[str, bytes | str] = {
            "info/index.json": json.dumps(self.index).encode(),
            "info/files": "\n".join(self.files).encode(),
            "info/paths.json": json.dumps({"paths_version": 1, "paths": self.paths}).encode(),
        }
        if self.entry_points is not None:
            link = {
                "noarch": {"type": "python", "entry_points": list(self.entry_points)},
                "package_metadata_version": 1,
            }
            info["info/link.json"] = json.dumps(link).encode()
        info |= self.info
        if self.old:
            return bz2.compress(_tar(info | dict(self.files)))
        out = io.BytesIO()
        pressed = zstandard.ZstdCompressor()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            members = {
                "metadata.json": json.dumps({"conda_pkg_format_version": 2}).encode(),
                f"pkg-{self.stem}.tar.zst": pressed.compress(_tar(dict(self.files))),
                f"info-{self.stem}.tar.zst": pressed.compress(_tar(info)),
            }
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(name), data)
        return out.getvalue()


def write_channel(folder: Path, packages: Sequence[Package]) -> Path:
    """Write a channel folder: packages by platform, and the repodata that indexes them."""
    records: dict[str, dict[str, dict[str, Any]]] = {"linux-64": {}, "noarch": {}}
    for package in packages:
        data = package.build_bytes()
        place = folder / package.subdir
        place.mkdir(parents=True, exist_ok=True)
        (place / package.filename).write_bytes(data)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        digests = {"sha256": sha(data), "md5": md5, "size": len(data)}
        records[package.subdir][package.filename] = package.index | digests
    for subdir, found in records.items():
        (folder / subdir).mkdir(parents=True, exist_ok=True)
        repodata = {
            "info": {"subdir": subdir},
            "packages": {name: one for name, one in found.items() if name.endswith(".tar.bz2")},
            "packages.conda": {name: one for name, one in found.items() if name.endswith(".conda")},
            "repodata_version": 1,
        }
        (folder / subdir / "repodata.json").write_text(json.dumps(repodata))
    return folder


def install(prefix: Path, cache: Path, specs: Sequence[str], *channels: str, lies_at: str) -> None:
    """Solve and install an environment with py-rattler, as a build of an image does that has it at `lies_at`."""
    asyncio.run(_install(prefix, cache, specs, channels, lies_at))


async def _install(prefix: Path, cache: Path, specs: Sequence[str], channels: Sequence[str], lies_at: str) -> None:
    from rattler import Gateway, Subdir, solve  # noqa: PLC0415 - half a second, which only these tests pay
    from rattler import install as link  # noqa: PLC0415

    records = await solve(
        sources=list(channels),
        specs=list(specs),
        gateway=Gateway(cache_dir=cache / "repodata"),
        platforms=["linux-64", "noarch"],
        channel_relations="disabled",
    )
    await link(
        records,
        prefix,
        cache_dir=cache / "packages",
        platform=Subdir("linux-64"),
        show_progress=False,
        alternative_target_prefix=lies_at,
    )


def _tar(files: Mapping[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, node in files.items():
            member = tarfile.TarInfo(name)
            member.mode = 0o755
            if isinstance(node, str):
                member.type, member.linkname = tarfile.SYMTYPE, node.removeprefix("-> ")
                archive.addfile(member)
                continue
            member.size = len(node)
            archive.addfile(member, io.BytesIO(node))
    return out.getvalue()
