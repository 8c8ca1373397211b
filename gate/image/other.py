"""Counts what is in an image and has no reader here, so that nothing is left out in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.image.scene import Scene


def count_other(scene: Scene) -> dict[str, int]:
    """Return how many of each kind there are: `apk`, `rpm_database`, `npm`, `jar`, `r`, `zipped_egg`, `wheel_file`."""
    counts = +scene.survey.other
    for path in scene.survey.apk:
        read = scene.read(path)
        if read is not None:
            counts["apk"] += sum(line.startswith(b"P:") for line in read.data.split(b"\n"))
    return dict(sorted((+counts).items()))
