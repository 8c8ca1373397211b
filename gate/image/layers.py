"""One layer, read once from front to end: what it adds, what it hides, and the few files whose bytes matter.

The result stands for itself and knows nothing of the layers below, so that it can be kept by digest.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.errors import BoundError
from gate.image.capture import Shelf, is_kept, shelf_of
from gate.image.heads import HEAD_BYTES, told_by, wants_head
from gate.image.pump import pumped
from gate.image.stream import Chunks, chunks_of, hashed, unpacked
from gate.image.tar import FILE, FOLDER, HARD_LINK, SYMLINK, TarReader
from gate.image.tree import FileEntry, Folder, LinkEntry, OtherEntry, PendingEntry, find, shown, split_path
from gate.model.reference import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from gate.bounds import ImageBounds
    from gate.image.tar import Entry as TarEntry
    from gate.image.tree import Leaf
    from gate.model.image import LayerFact

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
AUFS = frozenset({".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk"})
"""What the AUFS driver left at the root of old layers; engines pass over it."""

PROBLEMS = 100
"""Problems of one layer that are named; more are counted, for a hostile layer has a million of them."""

INLINE_BYTES = 256 * 1024
"""Layers up to this compressed size are read without further threads."""


@dataclass(slots=True, kw_only=True)
class LayerContent:
    """What one layer says.

    Attributes:
        root: the tree of what it adds; merging takes it over.
        hidden: paths that it hides in the layers below (whiteouts), as parts.
        emptied: folders whose lower content it hides (opaque folders), as parts.
        links: hard links to files that the layer itself does not hold: parts of the link and of its target.
        statuses: paths of databases of dpkg and rpm in it.
        kept: bytes of metadata files, by raw sha256.
        heads: what the first bytes of a file tell, by its raw sha256 (`gate.image.heads`).
        entries: how many tar headers it has, and folders without one.
        crowded: a file was not kept for what the layers below had kept: in another image it would be.
    """

    root: Folder
    hidden: list[tuple[str, ...]] = field(default_factory=list)
    emptied: list[tuple[str, ...]] = field(default_factory=list)
    links: list[tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    kept: dict[bytes, bytes] = field(default_factory=dict)
    heads: dict[bytes, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    entries: int = 0
    crowded: bool = False


@dataclass(slots=True, kw_only=True)
class _Place:
    """A parent folder, looked up once for all the entries that follow each other in it."""

    folder: Folder
    parts: tuple[str, ...]
    shelf: Shelf


def read_layer(  # noqa: PLR0913 - each is a fact of its own, and the caller holds them all
    stream: BinaryIO,
    *,
    index: int,
    layer: LayerFact,
    bounds: ImageBounds,
    seen: int = 0,
    kept: int = 0,
    read: Callable[[int], None] = lambda _: None,
) -> LayerContent:
    """Read a layer to its end and return what it says: `opened_layer`, then `scanned_layer`."""
    with opened_layer(stream, index=index, layer=layer, bounds=bounds, read=read) as pieces:
        return scanned_layer(pieces, index=index, bounds=bounds, seen=seen, kept=kept)


@contextmanager
def opened_layer(
    stream: BinaryIO, *, index: int, layer: LayerFact, bounds: ImageBounds, read: Callable[[int], None]
) -> Iterator[Iterator[bytes]]:
    """Give the pieces of a layer's tar, whose digests are checked as they come; a large one is read ahead at once.

    Raises (while the pieces are taken):
        InputError: not packed as its media type says, truncated, or followed by something else.
        IntegrityError: the blob's digest or size, or the diff id, is wrong.
        BoundError: a bound was hit; layer and bound are named.
    """
    if layer.size <= INLINE_BYTES:
        yield hashed(unpacked(stream, index=index, layer=layer, bounds=bounds, read=read), index=index, layer=layer)
        return
    with (
        pumped(chunks_of(stream)) as chunks,
        pumped(unpacked(Chunks(chunks), index=index, layer=layer, bounds=bounds, read=read)) as ahead,
        pumped(hashed(ahead, index=index, layer=layer)) as checked,
    ):
        yield checked


def scanned_layer(
    pieces: Iterator[bytes], *, index: int, bounds: ImageBounds, seen: int = 0, kept: int = 0
) -> LayerContent:
    """Take all pieces of a layer's tar and return what it says.

    `seen` and `kept` count the entries and the bytes kept of the layers before, for the bounds over the whole image.

    Raises:
        InputError: not readable as a layer, or readable in two ways.
        BoundError: a bound was hit; layer and bound are named.
    """
    tar = TarReader(pieces, index=index, bounds=bounds, seen=seen)
    return _Scan(tar, index=index, bounds=bounds, kept=kept).run(seen)


class _Scan:
    """The state of reading one layer."""

    def __init__(self, tar: TarReader, *, index: int, bounds: ImageBounds, kept: int) -> None:
        self._tar = tar
        self._index = index
        self._bounds = bounds
        self._kept_bytes = kept
        self._places: dict[str, _Place | None] = {}
        self._dropped = 0
        self.content = LayerContent(root=Folder(index))

    def run(self, seen: int) -> LayerContent:
        """Take every entry, in order: a later one of the same name wins, as when it is unpacked."""
        for entry in self._tar:
            if entry.overlay:
                self._problem("overlay_marker", "speaks to the overlay driver, which can hide files", entry.name)
            head, _, name = entry.name.rstrip("/").rpartition("/")
            if name in ("", ".", ".."):
                self._odd(entry)
                continue
            place = self._place(head)
            if place is None:
                self._problem("path_climbs", "leads out of its folder", entry.name)
            elif name.startswith(WHITEOUT):
                self._whiteout(place, name)
            else:
                self._take(place, name, entry)
        if not self._tar.clean_end:
            self._problem("layer_data_after_end", "the layer goes on after the end of its archive", "")
        if self._dropped:
            self._add("more_problems", f"layer {self._index}: {self._dropped} more problems are not named", "")
        self.content.entries = self._tar.seen - seen
        return self.content

    def _odd(self, entry: TarEntry) -> None:
        """Pass over the root folder; anything else without a name can't be placed."""
        if split_path(entry.name) != () or entry.kind != FOLDER:
            self._problem("path_climbs", "has no name of its own", entry.name)

    def _take(self, place: _Place, name: str, entry: TarEntry) -> None:
        if entry.kind == FILE:
            self._put(place, name, self._file(place, name, entry.size))
        elif entry.kind == FOLDER:
            self._folder(place, name)
        elif entry.kind == SYMLINK:
            self._put(place, name, LinkEntry(self._index, entry.link))
        elif entry.kind == HARD_LINK:
            self._hard_link(place, name, entry)
        else:
            self._put(place, name, OtherEntry(self._index))

    def _put(self, place: _Place, name: str, leaf: Leaf) -> None:
        entries = place.folder.entries
        if type(entries.get(name)) in (Folder, LinkEntry) or type(leaf) is LinkEntry:
            self._places.clear()
        entries[name] = leaf

    def _file(self, place: _Place, name: str, size: int) -> FileEntry:
        if is_kept(place.shelf, name) and self._may_keep(place, name, size):
            data = self._tar.whole()
            digest = hashlib.sha256(data).digest()
            if place.shelf in (Shelf.DPKG, Shelf.RPM):
                self.content.statuses.append("/".join([*place.parts, name]))
            if digest not in self.content.kept:
                self._kept_bytes += size
                self.content.kept[digest] = data
            return FileEntry(self._index, size, digest)
        if wants_head(name, size):
            head, digest = self._tar.headed(HEAD_BYTES)
            if told := told_by(name, head):
                self.content.heads[digest] = told
            return FileEntry(self._index, size, digest)
        return FileEntry(self._index, size, self._tar.digest())

    def _may_keep(self, place: _Place, name: str, size: int) -> bool:
        bound = "metadata_bytes" if size > self._bounds.metadata_bytes else "kept_bytes"
        if bound == "kept_bytes" and self._kept_bytes + size <= self._bounds.kept_bytes:
            return True
        if place.shelf in (Shelf.PLAIN, Shelf.RPM):
            self.content.crowded = self.content.crowded or bound == "kept_bytes"
            return False
        path = shown("/".join([*place.parts, name]))
        message = f"layer {self._index}: `{path}` ({size} bytes) goes past the bound `{bound}`"
        hint = f"Raise the bound `{bound}` of reading images if the file is what it should be."
        raise BoundError(message, hint=hint, bound=bound, layer=self._index)

    def _folder(self, place: _Place, name: str) -> None:
        found = place.folder.entries.get(name)
        if isinstance(found, Folder):
            found.explicit = True
            return
        if found is not None:
            self._places.clear()
        place.folder.entries[name] = Folder(self._index, explicit=True)

    def _hard_link(self, place: _Place, name: str, entry: TarEntry) -> None:
        target = split_path(entry.link)
        if not target:
            self._problem("path_climbs", "is a hard link out of the image", entry.name)
            return
        found = find(self.content.root, "/".join(target), follow_last=False)
        if found is None or isinstance(found[1], Folder | PendingEntry):
            self._put(place, name, PendingEntry(self._index))
            self.content.links.append(((*place.parts, name), target))
        else:
            self._put(place, name, found[1])

    def _whiteout(self, place: _Place, name: str) -> None:
        hidden = name[len(WHITEOUT) :]
        if name == OPAQUE:
            self.content.emptied.append(place.parts)
        elif name in AUFS and not place.parts:
            self._problem("aufs_leftover", "is left over from the AUFS driver", name, Severity.WARNING)
        elif hidden.startswith(WHITEOUT) or hidden in ("", ".", ".."):
            self._problem("whiteout_unknown", "is a whiteout of no kind that is known", "/".join([*place.parts, name]))
        else:
            self.content.hidden.append((*place.parts, hidden))

    def _place(self, head: str) -> _Place | None:
        """Find or make the parent folder, following the links that this layer itself has; nothing if it climbs."""
        known = self._places.get(head)
        if known is not None:
            return known
        parts = split_path(head)
        if parts is not None and len(parts) > self._bounds.depth:
            message = f"layer {self._index} has a path of more than {self._bounds.depth} parts"
            raise BoundError(message, bound="depth", layer=self._index)
        place = None if parts is None else self._make(parts)
        self._places[head] = place
        return place

    def _make(self, parts: tuple[str, ...]) -> _Place | None:
        folder, real = self.content.root, list[str]()
        for at, part in enumerate(parts):
            if part.startswith(WHITEOUT):
                return None
            entry = folder.entries.get(part)
            if isinstance(entry, LinkEntry):
                found = find(self.content.root, "/".join([*real, part]))
                if found is None or not isinstance(found[1], Folder):
                    path = "/".join(parts)
                    self._problem("path_through_link", "lies behind a link that leads to no folder here", path)
                    return self._make_anew(folder, real, parts[at:])
                folder, real = found[1], found[0].split("/") if found[0] else []
                continue
            if not isinstance(entry, Folder):
                if entry is not None:
                    self._problem("path_through_file", "lies below something that is no folder", "/".join(parts))
                entry = self._new_folder()
                folder.entries[part] = entry
            folder = entry
            real.append(part)
        return _Place(folder=folder, parts=tuple(real), shelf=shelf_of("/".join(real)))

    def _make_anew(self, folder: Folder, real: list[str], parts: tuple[str, ...]) -> _Place:
        """Put folders where a link was, so that what is behind it is still seen."""
        for part in parts:
            folder.entries[part] = made = self._new_folder()
            folder = made
        path = [*real, *parts]
        return _Place(folder=folder, parts=tuple(path), shelf=shelf_of("/".join(path)))

    def _new_folder(self) -> Folder:
        """Make a folder that has no entry of its own; it counts as one, for a single name can ask for hundreds."""
        self._tar.count()
        return Folder(self._index)

    def _problem(self, code: str, what: str, path: str, severity: Severity = Severity.ERROR) -> None:
        if len(self.content.problems) >= PROBLEMS:
            self._dropped += 1
            return
        self._add(code, f"layer {self._index}: `{shown(path)[:300]}` {what}", path, severity)

    def _add(self, code: str, message: str, path: str, severity: Severity = Severity.ERROR) -> None:
        self.content.problems.append(Problem(code=code, message=message, file=shown(path)[:1000], severity=severity))
