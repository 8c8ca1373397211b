"""A cache of layers in memory, and reading with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from image.image_world import Layer, World, ref_to

from gate.bounds import ImageBounds
from gate.image.manifest import read_image
from gate.image.reporter import InspectReporter
from gate.image.stack import Stack

if TYPE_CHECKING:
    from gate.image.files import FileSystem
    from gate.model.digest import Digest

BOUNDS = ImageBounds()


@dataclass
class Memory:
    """Implements `LayerCache`; `asked` and `written` count the calls."""

    entries: dict[str, bytes] = field(default_factory=dict)
    asked: int = 0
    written: int = 0

    def get(self, key: str) -> bytes | None:
        self.asked += 1
        return self.entries.get(key)

    def put(self, key: str, layer: Digest, entry: bytes) -> None:
        del layer
        self.written += 1
        self.entries[key] = entry


def layers_opened(world: World, *layers: Layer) -> list[str]:
    """Return the digests of those layers that the store was asked for since the last call."""
    digests = {one.descriptor.digest for one in layers}
    opened = [digest for digest in world.opened if digest in digests]
    world.opened.clear()
    return opened


def merged(world: World, digest: str, cache: Memory, bounds: ImageBounds = BOUNDS, base_layers: int = 0) -> FileSystem:
    facts = read_image(world, ref_to(digest), bounds=bounds)
    stack = Stack(reader=world, ref=ref_to(digest), bounds=bounds, report=InspectReporter(), cache=cache)
    return stack.merged(facts, base_layers=base_layers)
