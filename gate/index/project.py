"""What an index says of one project, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from packaging.version import InvalidVersion, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """One file of a project.

    Attributes:
        filename: as the index has it.
        url: absolute; it may hold credentials or a signature: show it through `gate.http.address.show`.
        version: as the file name says; empty if that can't be read.
        is_wheel: a wheel, and not a source or another distribution.
        sha256: of the file, `sha256:…`; empty if the index does not say.
        size: in bytes, if the index says (PEP 700).
        upload_time: UTC, if the index says (PEP 700).
        yanked: the reason, perhaps empty, if the file was yanked (PEP 592); else None.
        requires_python: version specifier, perhaps empty.
        has_metadata: whether `.metadata` is served (PEP 658, 714); None if the index does not say.
        metadata_sha256: of METADATA, hexadecimal; empty if the index does not say.
    """

    filename: str
    url: str
    version: str = ""
    is_wheel: bool = False
    sha256: str = ""
    size: int | None = None
    upload_time: datetime | None = None
    yanked: str | None = None
    requires_python: str = ""
    has_metadata: bool | None = None
    metadata_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One project.

    `status` is PEP 792's word (`active`, `archived`, `quarantined`, `deprecated`), empty if the index does not say.
    """

    name: str
    files: tuple[IndexFile, ...]
    status: str = ""
    status_reason: str = ""

    def files_of(self, version: str) -> tuple[IndexFile, ...]:
        """Return the files of one version, whatever its spelling (PEP 440)."""
        try:
            wanted = Version(version)
        except InvalidVersion:
            return tuple(file for file in self.files if file.version == version)
        return tuple(file for file in self.files if _version(file.version) == wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSuchProject:
    """The index knows no project of that name: a fact about the name, not a failure of the look-up."""

    name: str


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
