"""Counts what is in an image and has no reader here, so that nothing is left out in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.image.heads import GO
from gate.image.tree import FileEntry, walk

if TYPE_CHECKING:
    from gate.image.scene import Scene


def count_other(scene: Scene) -> dict[str, int]:
    """Return how many of each kind there are.

    `apk`, `rpm_database` (of formats that are not read), `npm`, `jar`, `r`, `go_program`, `zipped_egg`, `wheel_file`.
    """
    counts = +scene.survey.other
    programs = {digest for digest, told in scene.system.heads.items() if told == GO}
    if programs:
        counts["go_program"] += sum(
            isinstance(entry, FileEntry) and entry.sha256 in programs
            for _, folder in walk(scene.system.root)
            for entry in folder.entries.values()
        )
    for path in scene.survey.apk:
        read = scene.read(path)
        if read is not None:
            counts["apk"] += sum(line.startswith(b"P:") for line in read.data.split(b"\n"))
    return dict(sorted((+counts).items()))
