"""Packages whose metadata a later layer took away while their files stayed: nothing lists them, and they still run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.image.components.conda import CondaError, hashes_of, record_of
from gate.image.components.dpkg import lines_of, owner_of_list
from gate.image.record import RecordError, RecordFolder, hash_of, rows_of
from gate.image.tree import FileEntry, Folder, RealPaths, find
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gate.image.scene import Found, Scene

_CODE = (".py", ".so")
"""Files that run; a row without a hash names them all the same."""


@dataclass(slots=True)
class _Trace:
    """Files that a metadata file which is gone had listed, and that are still as it listed them."""

    path: str
    layer: int
    left: list[str]


def find_hidden(scene: Scene, found: Iterable[Found]) -> None:
    """Note as a problem each package whose record was taken away by a later layer though files of it are still there.

    Files that a package which is still there lists too are that one's: an upgrade hides nothing.
    """
    traces = [*_pythons(scene), *_condas(scene), *_debs(scene, found)]
    if not any(trace.left for trace in traces):
        return
    real = RealPaths(scene.system.root)
    owned = {real.of(file) for entry in found for file in entry.files()}
    for trace in traces:
        left = [path for path in trace.left if real.of(path) not in owned]
        if left:
            what = f"was taken away by layer {trace.layer}, but {len(left)} of its files are still there"
            scene.problem("metadata_hidden", what, trace.path)


def _gone(scene: Scene) -> Iterator[tuple[str, int, bytes]]:
    """Yield path, layer and content of every metadata file that a layer took away and that has not come back."""
    for path, (layer, entry) in sorted(scene.system.removed.items()):
        if find(scene.system.root, path) is None:
            yield path, layer, scene.system.kept[entry.sha256]


def _pythons(scene: Scene) -> Iterator[_Trace]:
    for path, layer, data in _gone(scene):
        if not path.endswith(".dist-info/RECORD"):
            continue
        folder = RecordFolder(scene.system.root, path.rpartition("/")[0].rpartition("/")[0])
        left = []
        try:
            for row in rows_of(data):
                scene.spend_row()
                found = folder.find(row.path) if row.hash or row.path.endswith(_CODE) else None
                if found is not None and found[1].size and row.hash in ("", hash_of(found[1])):
                    left.append(found[0])
        except RecordError as error:
            scene.problem("metadata_hidden", f"was taken away by layer {layer} and can't be read: {error}", path)
        yield _Trace(path, layer, left)


def _condas(scene: Scene) -> Iterator[_Trace]:
    for path, layer, data in _gone(scene):
        folder, _, name = path.rpartition("/")
        if not (name.endswith(".json") and (folder == "conda-meta" or folder.endswith("/conda-meta"))):
            continue
        try:
            hashes = hashes_of(record_of(data))
        except CondaError as error:
            scene.problem("metadata_hidden", f"was taken away by layer {layer} and can't be read: {error}", path)
            continue
        prefix = folder.removesuffix("conda-meta")
        files = ((scene.file(prefix + one), sha256) for one, sha256 in hashes.items())
        left = [
            prefix + one
            for one, (entry, sha256) in zip(hashes, files, strict=True)
            if entry is not None and entry.size and sha256 in ("", entry.sha256.hex())
        ]
        yield _Trace(path, layer, left)


def _debs(scene: Scene, found: Iterable[Found]) -> Iterator[_Trace]:
    """Look at the file lists of packages that no status names, whether the lists are still there or not.

    A removed package keeps its list as long as its configuration files are there; those lie in `etc`.
    """
    present = {entry.component.name for entry in found if entry.component.kind is Kind.OS}
    lists = {path: (layer, data) for path, layer, data in _gone(scene) if _is_list(path)}
    for folder in scene.survey.dpkgs:
        place = find(scene.system.root, f"{folder}/info")
        names = place[1].entries if place is not None and isinstance(place[1], Folder) else {}
        for name, entry in names.items():
            path = f"{folder}/info/{name}"
            if _is_list(path) and isinstance(entry, FileEntry) and entry.sha256 in scene.system.kept:
                lists[path] = (entry.layer, scene.system.kept[entry.sha256])
    for path, (layer, data) in sorted(lists.items()):
        if owner_of_list(path) not in present:
            lines = [line for line in lines_of(data) if not line.startswith("etc/")]
            yield _Trace(path, layer, [line for line in lines if (one := scene.file(line)) is not None and one.size])


def _is_list(path: str) -> bool:
    return path.endswith(".list") and path.rpartition("/")[0].endswith("lib/dpkg/info")
