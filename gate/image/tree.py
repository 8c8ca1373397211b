"""A file system without bytes: folders of entries, each with the layer that put it there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_HOPS = 40
"""Symlinks followed in one look-up, as in Linux; a cycle ends here."""

MAX_STEPS = 4096
"""Steps of one look-up, those through links included: a path as long as Linux takes, one part a byte."""

_NO_NAMES = frozenset({"", ".", ".."})
"""What no entry is called: these say where to go."""


class FileEntry(NamedTuple):
    """A regular file: its 0-based layer, size in bytes and raw sha256."""

    layer: int
    size: int
    sha256: bytes


class LinkEntry(NamedTuple):
    """A symbolic link with its target as written."""

    layer: int
    target: str


class OtherEntry(NamedTuple):
    """A device, a pipe or whatever else is no file, folder or link."""

    layer: int


class PendingEntry(NamedTuple):
    """A hard link to a file of a lower layer, until the layers are merged."""

    layer: int


class Folder:
    """A folder. `explicit`: an entry of its own made it, it is not only the parent of something."""

    __slots__ = ("entries", "explicit", "layer")

    def __init__(self, layer: int, *, explicit: bool = False) -> None:
        """Make an empty folder."""
        self.entries: dict[str, Entry] = {}
        self.layer = layer
        self.explicit = explicit


Leaf = FileEntry | LinkEntry | OtherEntry | PendingEntry
Entry = Folder | Leaf


def split_path(path: str) -> tuple[str, ...] | None:
    """Return the parts of a path in an archive, `.` and doubled slashes gone; nothing if it climbs with `..`."""
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    return None if ".." in parts else parts


def shown(path: str) -> str:
    """Write a path so that it can be stored and shown: bytes that are no UTF-8 and control characters escaped."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def find(root: Folder, path: str, *, follow_last: bool = True) -> tuple[str, Entry] | None:
    """Look a path up as a process in the container would, links followed inside `root`; also its real path.

    Nothing if it does not exist, goes through something that is no folder, or runs in circles.
    """
    parts = path.split("/")
    entry: Entry = root
    for name in parts:
        # Nearly every path is plain, folders all the way; one that is not is looked up step by step.
        found = entry.entries.get(name) if type(entry) is Folder else entry
        if found is None and name not in _NO_NAMES:
            return None
        if found is None or found is entry:
            break
        entry = found
    else:
        if (type(entry) is not LinkEntry or not follow_last) and len(parts) < MAX_STEPS:
            return path, entry
    return _find(root, parts[::-1], follow_last=follow_last)


def _find(root: Folder, todo: list[str], *, follow_last: bool) -> tuple[str, Entry] | None:
    """Look up as `find` does, whatever lies on the way."""
    steps = _Steps(root)
    for _ in range(MAX_STEPS):
        if not todo:
            return "/".join(steps.names), steps.entry
        name = todo.pop()
        if name not in ("", ".") and not steps.take(name, todo, follow=follow_last or any(todo)):
            return None
    return None


class _Steps:
    """Where a look-up is: the names and folders passed, and the entry reached."""

    def __init__(self, root: Folder) -> None:
        self.names: list[str] = []
        self.entry: Entry = root
        self._folders = [root]
        self._hops = 0

    def take(self, name: str, todo: list[str], *, follow: bool) -> bool:
        """Go one step; a link puts its target on `todo`. False if there is no such way."""
        if not isinstance(self.entry, Folder):
            return False
        if name == "..":
            if self.names:
                self.names.pop()
                self._folders.pop()
            self.entry = self._folders[-1]
            return True
        found = self.entry.entries.get(name)
        if isinstance(found, LinkEntry) and follow:
            self._hops += 1
            if found.target.startswith("/"):
                del self.names[:], self._folders[1:]
                self.entry = self._folders[0]
            todo.extend(found.target.split("/")[::-1])
            return self._hops <= MAX_HOPS
        if found is None:
            return False
        self.names.append(name)
        self.entry = found
        if isinstance(found, Folder):
            self._folders.append(found)
        return True


def find_file(root: Folder, path: str) -> tuple[str, FileEntry] | None:
    """Look a regular file up, links followed; also its real path."""
    found = find(root, path)
    return (found[0], found[1]) if found is not None and isinstance(found[1], FileEntry) else None


def walk(folder: Folder, prefix: str = "") -> Iterator[tuple[str, Folder]]:
    """Yield every folder with its path, the given one first; no recursion, so that depth costs no stack."""
    todo = [(prefix, folder)]
    while todo:
        path, current = todo.pop()
        yield path, current
        start = f"{path}/" if path else ""
        todo.extend((start + name, entry) for name, entry in current.entries.items() if type(entry) is Folder)


class RealPaths:
    """Looks up many entries with the links of their folders followed: `lib/x` is `usr/lib/x` on a merged `/usr`."""

    def __init__(self, root: Folder) -> None:
        """Look nothing up yet."""
        self._root = root
        self._folders: dict[str, tuple[str, Folder | None]] = {}

    def of(self, path: str) -> str:
        """Return the real path of an entry whose folder exists, else the path as it is. A link stays one."""
        return self.look(path)[0]

    def all_of(self, paths: Iterable[str]) -> Iterator[str]:
        """Yield the real path of each, as `of` does: most of many lie in few folders that are what they are called."""
        plain = set[str]()
        for path in paths:
            head = path.rpartition("/")[0]
            if head in plain:
                yield path
                continue
            real = self.of(path)
            if head and self._folders[head][0] == head:
                plain.add(head)
            yield real

    def look(self, path: str) -> tuple[str, Entry | None]:
        """Return the real path and the entry, a link as it is; no entry if there is none."""
        head, _, name = path.rpartition("/")
        place = self._folders.get(head)
        if place is None:
            found = find(self._root, head)
            folder = found[1] if found is not None else None
            real = found[0] if found is not None else head
            place = self._folders[head] = (real, folder if isinstance(folder, Folder) else None)
        real, folder = place
        if real != head or not head:
            path = f"{real}/{name}" if real else name
        return path, (folder.entries.get(name) if folder is not None else None)
