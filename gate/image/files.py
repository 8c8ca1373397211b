"""The file system that a container would see: layer over layer, what hides applied first, links resolved.

Source: OCI image-spec 1.1, `layer.md` (whiteouts, opaque whiteouts, hard links), and what containerd does where the
specification is silent; where engines differ, a problem says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.image.layers import PROBLEMS
from gate.image.tree import FileEntry, Folder, LinkEntry, PendingEntry, find, shown
from gate.model.reference import Problem, Severity

if TYPE_CHECKING:
    from gate.image.layers import LayerContent
    from gate.image.tree import Entry, Leaf


@dataclass(slots=True, kw_only=True)
class FileSystem:
    """The merged tree while layers are put on it, and after.

    Attributes:
        base_layers: how many leading layers belong to the base image.
        kept: bytes of metadata files, by raw sha256.
        heads: what the first bytes of other files tell, by raw sha256.
        covered: paths of the base whose entry an upper layer replaced or hid, with the entry as the base had it.
        removed: metadata files that a later layer hid or replaced, with that layer and the entry as it was.
        history: for each database of dpkg and rpm, `(layer, sha256)` of every version, in order; no sha256 is removal.
    """

    base_layers: int = 0
    root: Folder = field(default_factory=lambda: Folder(0))
    kept: dict[bytes, bytes] = field(default_factory=dict)
    heads: dict[bytes, bytes] = field(default_factory=dict)
    covered: dict[str, Leaf] = field(default_factory=dict)
    removed: dict[str, tuple[int, FileEntry]] = field(default_factory=dict)
    history: dict[str, list[tuple[int, bytes | None]]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def kept_bytes(self) -> int:
        """How many bytes of metadata are in memory."""
        return sum(map(len, self.kept.values()))

    def put(self, layer: LayerContent, *, index: int) -> None:
        """Lay one more layer over what is there; the layer's tree is taken over and must not be used again."""
        _Merge(self, index).run(layer)

    def modified(self) -> frozenset[str]:
        """Name every path of the base that is another one now: other bytes, another kind of thing, or gone."""
        return frozenset(path for path, before in self.covered.items() if not _same(before, self._now(path)))

    def _now(self, path: str) -> Entry | None:
        found = find(self.root, path, follow_last=False)
        return found[1] if found is not None and found[0] == path else None


class _Merge:
    """One layer on its way onto the file system."""

    def __init__(self, system: FileSystem, index: int) -> None:
        self._system = system
        self._index = index
        self._met = 0
        self._above_base = index >= system.base_layers > 0

    def run(self, layer: LayerContent) -> None:
        self._system.problems.extend(layer.problems)
        self._system.kept.update(layer.kept)
        self._system.heads.update(layer.heads)
        for parts in layer.emptied:
            self._hide(parts, keep_folder=True)
        for parts in layer.hidden:
            self._hide(parts, keep_folder=False)
        self._overlay(layer.root)
        for parts, target in layer.links:
            self._link("/".join(parts), "/".join(target))
        self._follow_status(layer)

    def _hide(self, parts: tuple[str, ...], *, keep_folder: bool) -> None:
        """Hide a path of the layers below, before anything of this layer is put; what is not there hides nothing."""
        path = "/".join(parts)
        found = find(self._system.root, path, follow_last=False)
        if found is None:
            return
        if found[0] != path or (keep_folder and isinstance(found[1], LinkEntry)):
            self._problem("whiteout_through_link", "is hidden through a link, which engines do in different ways", path)
            return
        if keep_folder:
            if isinstance(found[1], Folder):
                self._cover(path, found[1])
                found[1].entries.clear()
            return
        parent = find(self._system.root, path.rpartition("/")[0])
        if parent is not None and isinstance(parent[1], Folder):
            self._cover(path, parent[1].entries.pop(parts[-1]))

    def _overlay(self, root: Folder) -> None:
        """Put a tree over the merged one, folder by folder; whole new folders are taken as they are."""
        todo: list[tuple[str, Folder, Folder]] = [("", self._system.root, root)]
        while todo:
            path, below, above = todo.pop()
            for name, entry in above.entries.items():
                here = f"{path}/{name}" if path else name
                old = below.entries.get(name)
                if type(entry) is Folder:
                    if isinstance(old, Folder):
                        todo.append((here, old, entry))
                        continue
                    if isinstance(old, LinkEntry) and not entry.explicit:
                        self._behind_link(here, entry, todo)
                        continue
                    if old is not None and not entry.explicit:
                        self._problem("path_through_file", "is a folder over what is none", here)
                if old is not None:
                    self._cover(here, old)
                below.entries[name] = entry

    def _behind_link(self, path: str, entry: Folder, todo: list[tuple[str, Folder, Folder]]) -> None:
        """Put what has a link for a parent where the link leads, as containerd does."""
        found = find(self._system.root, path)
        if found is None or not isinstance(found[1], Folder):
            self._problem("path_through_link", "has content behind a link that leads to no folder", path)
            parent = find(self._system.root, path.rpartition("/")[0])
            if parent is not None and isinstance(parent[1], Folder):
                parent[1].entries[path.rpartition("/")[2]] = entry
            return
        if entry.entries:
            text = "has content behind a link of a lower layer, which engines unpack in different ways"
            self._problem("path_through_link", text, path, Severity.WARNING)
        todo.append((found[0], found[1], entry))

    def _link(self, path: str, target: str) -> None:
        """Resolve a hard link to a file of a lower layer, if the link is still what the layer has there."""
        found = find(self._system.root, path, follow_last=False)
        if found is None or not isinstance(found[1], PendingEntry):
            return
        aim = find(self._system.root, target, follow_last=False)
        parent = find(self._system.root, path.rpartition("/")[0])
        if aim is None or not isinstance(aim[1], FileEntry) or parent is None or not isinstance(parent[1], Folder):
            self._problem("hard_link_without_target", f"is a hard link to `{shown(target)[:300]}`, no file here", path)
            return
        parent[1].entries[path.rpartition("/")[2]] = aim[1]._replace(layer=self._index)

    def _follow_status(self, layer: LayerContent) -> None:
        """Note each version of each dpkg status file: every layer rewrites it whole."""
        histories = self._system.history
        for name in layer.statuses:
            if (found := find(self._system.root, name)) is not None:
                histories.setdefault(found[0], [])
        for path, versions in histories.items():
            found = find(self._system.root, path)
            now = found[1] if found is not None and isinstance(found[1], FileEntry) else None
            if now is None:
                versions.append((self._index, None))
            elif not versions or now.layer == self._index:
                versions.append((self._index, now.sha256))

    def _cover(self, path: str, entry: Entry) -> None:
        """Remember what a layer takes away: of the base everything, of the others what told of packages."""
        todo = [(path, entry)]
        while todo:
            here, current = todo.pop()
            if isinstance(current, Folder):
                todo.extend((f"{here}/{name}" if here else name, inner) for name, inner in current.entries.items())
                continue
            if isinstance(current, FileEntry) and current.sha256 in self._system.kept:
                self._system.removed[here] = (self._index, current)
            if self._above_base and current.layer < self._system.base_layers:
                self._system.covered.setdefault(here, current)

    def _problem(self, code: str, what: str, path: str, severity: Severity = Severity.ERROR) -> None:
        self._met += 1
        if self._met > PROBLEMS + 1:
            return
        message = f"layer {self._index}: `{shown(path)[:300]}` {what}"
        if self._met > PROBLEMS:
            code, message, severity = (
                "more_problems",
                f"layer {self._index}: more problems are not named",
                Severity.ERROR,
            )
        self._system.problems.append(Problem(code=code, message=message, file=shown(path)[:1000], severity=severity))


def _same(before: Leaf, now: Entry | None) -> bool:
    """Compare two entries but for their layers: a changed mode alone copies a file up without changing it."""
    match before, now:
        case FileEntry(), FileEntry():
            return before.sha256 == now.sha256
        case LinkEntry(), LinkEntry():
            return before.target == now.target
        case _:
            return False
