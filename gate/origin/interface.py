"""What proving an origin asks of an image that was read: bytes of evidence, and what became of every file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.model.image import Component

FileFact: TypeAlias = tuple[int, str]
"""Size in bytes and sha256 (hexadecimal) of one file of the image's final file system."""


@runtime_checkable
class InstalledFiles(Protocol):
    """The files of one image as a container would see them. Paths have no leading slash and `/` between segments."""

    def rows(self, component: Component) -> Mapping[str, FileFact]:
        """Return the files that the component's own record names and the image has, by path in the image.

        A file that the record names and the image lacks has no entry. Symbolic links are followed inside the image.
        """
        ...

    def metadata(self, component: Component) -> bytes:
        """Return the bytes of `METADATA` (or of what takes its place); empty if the image has none."""
        ...

    def record(self, component: Component) -> bytes:
        """Return the bytes of the installed `RECORD`; empty if the image has none."""
        ...


@runtime_checkable
class ListedFiles(InstalledFiles, Protocol):
    """Also knows files that no record names: without it, what was added beside a package can't be seen here."""

    def below(self, folder: str) -> Mapping[str, FileFact]:
        """Return every file below the folder, by path in the image; empty if there is no such folder."""
        ...
