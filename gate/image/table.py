"""The files behind an inventory, for whoever has to prove where a component is from."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from gate.errors import InputError, NotFoundError
from gate.image.heads import oddity_of
from gate.image.record import RecordError, RecordFolder, rows_of
from gate.image.tree import FileEntry, Folder, LinkEntry, RealPaths, find, find_file, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gate.image.files import FileSystem
    from gate.image.heads import Oddity
    from gate.image.scene import Found
    from gate.model.image import Component


class FileFact(NamedTuple):
    """A regular file of the image: size in bytes and sha256 in hexadecimal."""

    size: int
    sha256: str


NO_FILE = FileFact(-1, "")
"""Stands for what is no regular file: equal to nothing that anybody publishes."""


class FileTable:
    """Answers for one image, from memory; lives as long as its evaluation and no longer."""

    def __init__(self, system: FileSystem, found: Iterable[Found]) -> None:
        """Keep the merged file system and where each component's metadata lies."""
        self._system = system
        self._paths = {entry.component.path: entry.path for entry in found}
        self._real = RealPaths(system.root)

    @property
    def kept_bytes(self) -> int:
        """How many bytes of metadata are in memory."""
        return self._system.kept_bytes

    def file(self, path: str) -> FileFact | None:
        """Return a regular file by its path from the root, links followed; nothing if there is none."""
        found = find_file(self._system.root, path)
        return _fact(found[1]) if found is not None else None

    def leads_to(self, path: str) -> tuple[str, FileFact | None] | None:
        """Return the real path to which a link leads and the file there, if it is one; None if there is no link."""
        entry = self._real.look(path)[1]
        if not isinstance(entry, LinkEntry):
            return None
        found = find(self._system.root, path)
        if found is None:
            return "", None
        return found[0], _fact(found[1]) if isinstance(found[1], FileEntry) else None

    def oddity(self, path: str) -> Oddity:
        """Say what is odd in a byte code cache, by its header and its source's size; nothing if it has no source."""
        folder, _, name = path.rpartition("/")
        source = self.file(f"{folder.removesuffix('__pycache__')}{name.partition('.')[0]}.py")
        found = find_file(self._system.root, path)
        if source is None or found is None:
            return ""
        return oddity_of(self._system.heads.get(found[1].sha256, b""), source.size)

    def rows(self, component: Component) -> Mapping[str, FileFact]:
        """Return the files of the image that the component's RECORD lists, by path in the image.

        What it lists and the image lacks is not in the mapping. Empty for a component without a RECORD.

        Raises:
            InputError: `record_unparseable`.
        """
        site = self._path(component).rpartition("/")[0]
        folder = RecordFolder(self._system.root, site)
        rows: dict[str, FileFact] = {}
        try:
            for row in rows_of(self.record(component)):
                found = folder.find(row.path)
                if found is not None:
                    place = row.path if row.path.startswith("/") else f"/{site}/{row.path}"
                    rows[posixpath.normpath(place).lstrip("/")] = _fact(found[1])
        except RecordError as error:
            message = f"the RECORD of `{component.path}` can't be read: {error}"
            raise InputError(message, code="record_unparseable") from error
        return rows

    def below(self, folder: str) -> Mapping[str, FileFact]:
        """Return everything below a folder that is no folder itself, by path in the image.

        A link stands for the file that it leads to. One that leads to a folder or nowhere, and a device, are named all
        the same, with a fact that no published file has: a package's code can be reached through either.
        """
        found = find(self._system.root, folder)
        if found is None or not isinstance(found[1], Folder):
            return {}
        paths = (
            (f"{path}/{name}" if path else name, entry)
            for path, inner in walk(found[1], folder)
            for name, entry in inner.entries.items()
            if not isinstance(entry, Folder)
        )
        return {
            path: _fact(entry) if isinstance(entry, FileEntry) else self.file(path) or NO_FILE for path, entry in paths
        }

    def metadata(self, component: Component) -> bytes:
        """Return the bytes of a Python component's METADATA or PKG-INFO, or of a conda record; empty if it has none."""
        path = self._path(component)
        names = (f"{path}/METADATA", f"{path}/PKG-INFO", path)
        return next((data for name in names if (data := self._content(name)) is not None), b"")

    def record(self, component: Component) -> bytes:
        """Return the bytes of a Python component's RECORD; empty if it has none."""
        return self._content(f"{self._path(component)}/RECORD") or b""

    def _path(self, component: Component) -> str:
        path = self._paths.get(component.path)
        if path is None:
            message = f"`{component.path}` is no component of this image"
            raise NotFoundError(message, code="no_metadata")
        return path

    def _content(self, path: str) -> bytes | None:
        found = find_file(self._system.root, path)
        return self._system.kept.get(found[1].sha256) if found is not None else None


def _fact(entry: FileEntry) -> FileFact:
    return FileFact(entry.size, entry.sha256.hex())
