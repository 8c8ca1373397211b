"""Layers made up for tests, merged and listed."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

from image.image_world import Node, layer

from gate.bounds import ImageBounds
from gate.image.files import FileSystem
from gate.image.layers import LayerContent, read_layer
from gate.image.tree import Entry, FileEntry, LinkEntry, OtherEntry, walk
from gate.model.image import LayerFact
from gate.model.reference import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping


BOUNDS = ImageBounds()


def content(
    raw: Mapping[str, Node] | bytes, index: int = 0, bounds: ImageBounds = BOUNDS, kept: int = 0
) -> LayerContent:
    packed = layer(raw)
    fact = LayerFact(
        digest=packed.descriptor.digest, diff_id=packed.diff_id, size=len(packed.packed), media_type=packed.media_type
    )
    return read_layer(io.BytesIO(packed.packed), index=index, layer=fact, bounds=bounds, kept=kept)


def merged(*layers: Mapping[str, Node] | bytes, base_layers: int = 0) -> FileSystem:
    system = FileSystem(base_layers=base_layers)
    for index, one in enumerate(layers):
        system.put(content(one, index), index=index)
    return system


def all_files(system: FileSystem) -> list[tuple[str, Entry]]:
    return [
        (f"{path}/{name}" if path else name, entry)
        for path, folder in walk(system.root)
        for name, entry in folder.entries.items()
    ]


def listing(system: FileSystem) -> dict[str, object]:
    """Return every entry that is no folder: layer and sha256 of files, layer and target of links."""
    found: dict[str, object] = {}
    for where, entry in all_files(system):
        if isinstance(entry, FileEntry):
            found[where] = (entry.layer, entry.sha256)
        elif isinstance(entry, LinkEntry):
            found[where] = (entry.layer, entry.target)
        elif isinstance(entry, OtherEntry):
            found[where] = (entry.layer, None)
    return found


def file(index: int, data: bytes) -> tuple[int, bytes]:
    return index, hashlib.sha256(data).digest()


def problems(system: FileSystem, severity: Severity = Severity.ERROR) -> list[str]:
    return [one.code for one in system.problems if one.severity is severity]


def clean(system: FileSystem) -> dict[str, object]:
    assert system.problems == []
    return listing(system)
