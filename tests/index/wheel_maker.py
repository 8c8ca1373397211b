"""Make real wheels out of a few files, well-formed or with one thing wrong."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_DATE = (2026, 1, 2, 3, 4, 6)


def urlsafe(data: bytes) -> str:
    """Return the sha256 of the data as RECORD writes it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, kw_only=True)
class WheelRecipe:
    """What goes into a wheel. `record` replaces RECORD; `rows` only changes or adds rows (None drops one)."""

    name: str = "demo_pkg"
    version: str = "1.0"
    tag: str = "py3-none-any"
    build: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: {"demo_pkg/__init__.py": b"VALUE = 1\n"})
    metadata: str = ""
    scripts: str = ""
    tags: tuple[str, ...] = ()
    rows: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    record: bytes | None = None
    method: int = zipfile.ZIP_DEFLATED

    @property
    def filename(self) -> str:
        """The wheel's file name."""
        build = f"-{self.build}" if self.build else ""
        return f"{self.name}-{self.version}{build}-{self.tag}.whl"

    @property
    def dist_info(self) -> str:
        """The name of its `.dist-info` folder."""
        return f"{self.name}-{self.version}.dist-info"

    @property
    def metadata_bytes(self) -> bytes:
        """Its METADATA."""
        head = f"Metadata-Version: 2.1\nName: {self.name.replace('_', '-')}\nVersion: {self.version}\n"
        return (head + self.metadata).encode()

    def members(self) -> dict[str, bytes]:
        """Return all files, RECORD last."""
        tags = "".join(f"Tag: {tag}\n" for tag in self.tags or _spelled(self.tag))
        wheel = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n{tags}"
        files = dict(self.files)
        files[f"{self.dist_info}/METADATA"] = self.metadata_bytes
        files[f"{self.dist_info}/WHEEL"] = wheel.encode()
        if self.scripts:
            files[f"{self.dist_info}/entry_points.txt"] = f"[console_scripts]\n{self.scripts}".encode()
        files[f"{self.dist_info}/RECORD"] = self.record if self.record is not None else self._record(files)
        return files

    def _record(self, files: dict[str, bytes]) -> bytes:
        rows: dict[str, tuple[str, str] | None] = {
            path: (urlsafe(data), str(len(data))) for path, data in files.items()
        }
        rows |= {f"{self.dist_info}/RECORD": ("", "")}
        rows |= self.rows
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows((path, *row) for path, row in rows.items() if row is not None)
        return out.getvalue().encode()

    def build_bytes(self) -> bytes:
        """Return the wheel's bytes, the same each time."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", self.method) as archive:
            for path, data in self.members().items():
                archive.writestr(zipfile.ZipInfo(path, _DATE), data, self.method)
        return out.getvalue()

    def write(self, folder: Path) -> Path:
        """Write the wheel into a folder and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.build_bytes())
        return path

    def but(self, **changes: object) -> WheelRecipe:
        """Return the same recipe with some things changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def _spelled(tag: str) -> tuple[str, ...]:
    pythons, abis, platforms = tag.split("-")
    return tuple(f"{p}-{a}-{s}" for p in pythons.split(".") for a in abis.split(".") for s in platforms.split("."))
