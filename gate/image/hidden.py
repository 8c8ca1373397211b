"""Packages whose metadata a later layer took away while their code stayed: nothing lists them, and they still run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.image.record import RecordError, RecordFolder, hash_of, rows_of
from gate.image.tree import find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gate.image.scene import Found, Scene


def find_hidden(scene: Scene, found: Iterable[Found]) -> None:
    """Note as a problem each Python distribution whose RECORD is gone though files that it lists are still there.

    Files that a distribution or package which is still there lists too are that one's: an upgrade hides nothing.
    """
    gone = {path: facts for path, facts in scene.system.removed.items() if path.endswith(".dist-info/RECORD")}
    gone = {path: facts for path, facts in gone.items() if find(scene.system.root, path) is None}
    if not gone:
        return
    owned = {file for entry in found for file in entry.files()}
    for path, (layer, entry) in sorted(gone.items()):
        folder = path.removesuffix("/RECORD")
        lookup = RecordFolder(scene.system.root, folder.rpartition("/")[0])
        try:
            rows = rows_of(scene.system.kept[entry.sha256])
        except RecordError:
            scene.problem("metadata_hidden", f"was taken away by layer {layer} and can't be read", path)
            continue
        left = 0
        for row in rows:
            file = lookup.find(row.path)
            if file is not None and hash_of(file[1]) == row.hash and file[1].size and file[0] not in owned:
                left += 1
        if left:
            what = f"was taken away by layer {layer}, but {left} files that it installed are still there"
            scene.problem("metadata_hidden", what, folder)
