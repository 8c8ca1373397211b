"""What proving an origin asks of an image that was read: bytes of evidence, and what became of every file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gate.bounds import WheelBounds
    from gate.index.conda import CondaFacts, CondaFile
    from gate.index.facts import WheelFacts
    from gate.index.project import IndexFile, NoSuchProject, Project
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

    def file(self, path: str) -> FileFact | None:
        """Return one file by its path in the image, or None if the image has no such file."""
        ...

    def below(self, folder: str) -> Mapping[str, FileFact]:
        """Return every file below the folder, by path in the image; empty if there is no such folder.

        A link that leads to a file counts as that file: Python imports it all the same.
        """
        ...


@runtime_checkable
class CompiledFiles(Protocol):
    """Also knows the headers of byte code caches."""

    def oddity(self, path: str) -> str:
        """Return what is odd in a cache beside its source (`unchecked`, `stale`), or nothing."""
        ...


class LinkedFiles(ListedFiles, CompiledFiles, Protocol):
    """Also tells links from what they lead to."""

    def leads_to(self, path: str) -> tuple[str, FileFact | None] | None:
        """Return where a link leads, or None if there is no link at the path.

        The real path and the file there; no file if it leads to none.
        """
        ...


class Channels(Protocol):
    """What is asked of conda channels; `gate.origin.channels.CondaChannels` is one."""

    def name_of(self, place: str) -> str:
        """Return how policy calls a channel that is given by its name or address; nothing if it lists none such."""
        ...

    def look_up(self, name: str, wanted: Sequence[Component]) -> Mapping[str, tuple[CondaFile, ...]]:
        """Return what the channel's repodata has of the components, by `name-version-build`.

        UpstreamError if it can't be told.
        """
        ...

    def facts(self, file: CondaFile) -> CondaFacts:
        """Return what a package holds; UpstreamError if it can't be told, InputError if it is refused."""
        ...

    def prefixed(self, file: CondaFile, facts: CondaFacts, prefix: str) -> Mapping[str, str]:
        """Return the sha256 that files have once the prefix is written into them; errors as `facts`."""
        ...


@runtime_checkable
class Index(Protocol):
    """What is asked of a Python index; `gate.index.client.PythonIndex` is one."""

    name: str
    bounds: WheelBounds

    def project(self, name: str) -> Project | NoSuchProject:
        """Return what the index has under a name; UpstreamError if it can't be told."""
        ...

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel; UpstreamError if it can't be told."""
        ...

    def wheel(self, file: IndexFile) -> WheelFacts:
        """Return what a wheel holds; UpstreamError if it can't be told, InputError if the wheel is refused."""
        ...
