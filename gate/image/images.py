"""Every image that a pinned ref leads to: itself, or one after the other those of the index that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.image.index import Remembered, in_index, read_index
from gate.image.inventory import read_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.bounds import ImageBounds
    from gate.image.base import CatalogueEntry
    from gate.image.cache import LayerCache
    from gate.image.memory import ImageMemory
    from gate.image.reporter import InspectReporter
    from gate.image.table import FileTable
    from gate.model.image import ImageRef, IndexFacts, Inventory
    from gate.registry.interface import ImageReader


def read_images(  # noqa: PLR0913 - what images are read with, and all but two are named
    reader: ImageReader,
    ref: ImageRef,
    *,
    bounds: ImageBounds,
    base_catalogue: Sequence[CatalogueEntry] = (),
    reporter: InspectReporter | None = None,
    platform: str = "",
    cache: LayerCache | None = None,
    memory: ImageMemory | None = None,
) -> tuple[IndexFacts | None, Iterator[tuple[Inventory, FileTable]]]:
    """Return what the index lists, if it is one, and read its images as they are asked for; errors as both readers.

    `cache` is of layers and `memory` of images, as in `read_inventory`. The files of one image are all that is in
    memory at a time, if the caller keeps none. `platform` (`os/architecture` or longer) chooses images of the index.

    Raises:
        UsageError: `no_such_platform`: the index has no image for it, or the one image is for another.
    """
    known = Remembered(reader)
    index = read_index(known, ref, bounds=bounds)
    refs = [ref]
    if index is not None:
        refs = [ref.at(child.digest) for child in index.images if _is_for(child.platform, platform)]
        if not refs:
            raise _refusal(platform, [child.platform for child in index.images])

    def read() -> Iterator[tuple[Inventory, FileTable]]:
        for one in refs:
            inventory, files = read_inventory(
                known,
                one,
                bounds=bounds,
                base_catalogue=base_catalogue,
                reporter=reporter,
                cache=cache,
                memory=memory,
            )
            if index is None and not _is_for(inventory.image.platform, platform):
                raise _refusal(platform, [inventory.image.platform])
            yield in_index(inventory, index), files

    return index, read()


def _is_for(platform: str, wanted: str) -> bool:
    return not wanted or platform == wanted or platform.startswith(f"{wanted}/")


def _refusal(platform: str, there: Sequence[str]) -> UsageError:
    message = f"there is no image for `{platform[:100]}`"
    names = ", ".join(name or "an image that names no platform" for name in there)
    return UsageError(message, hint=f"there is: {names[:500]}", code="no_such_platform")
