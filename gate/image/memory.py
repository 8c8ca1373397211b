"""The images that were read last, as they were found: an evaluation that waits for evidence looks at them again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.image.table import FileTable
    from gate.model.image import BaseMatch, ImageFacts, Inventory


FILE_BYTES = 512
"""What a file takes in memory, nearly; metadata that is kept whole counts as so many files."""


class Key(NamedTuple):
    """All that an inventory depends on: what manifest and config say, the base that was matched, the bounds."""

    facts: str
    base: str
    bounds: ImageBounds

    @classmethod
    def of(cls, facts: ImageFacts, base: BaseMatch | None, bounds: ImageBounds) -> Key:
        """Return the key. The facts hold the digests of manifest and config and of every layer, packed and not."""
        return cls(facts.model_dump_json(), base.model_dump_json() if base is not None else "", bounds)


class ImageMemory:
    """Keeps inventories and their files in this process, up to a number of files; the one used longest ago goes first.

    Both are only ever read, so that they can be handed out to any thread.
    """

    def __init__(self, files: int) -> None:
        """Keep nothing yet, and never more than `files` files."""
        self._files = files
        self._lock = threading.Lock()
        self._known: dict[Key, tuple[Inventory, FileTable]] = {}

    def find(self, key: Key) -> tuple[Inventory, FileTable] | None:
        """Return what was found in the image, if it is still known."""
        with self._lock:
            known = self._known.pop(key, None)
            if known is not None:
                self._known[key] = known
            return known

    def keep(self, key: Key, inventory: Inventory, table: FileTable) -> None:
        """Remember an image, and forget others for it; one that is too large by itself is not remembered."""
        if _weight(inventory, table) > self._files:
            return
        with self._lock:
            self._known[key] = (inventory, table)
            total = sum(_weight(*one) for one in self._known.values())
            while total > self._files:
                oldest = next(iter(self._known))
                total -= _weight(*self._known.pop(oldest))


def _weight(inventory: Inventory, table: FileTable) -> int:
    return inventory.files + table.kept_bytes // FILE_BYTES
