"""Every image that a pinned ref leads to: itself, or one after the other those of the index that it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gate.errors import BoundError, InputError, UsageError
from gate.image.index import Remembered, in_index, read_index
from gate.image.inventory import read_inventory
from gate.image.unread import Unread, stub_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gate.bounds import ImageBounds
    from gate.image.base import CatalogueEntry
    from gate.image.cache import LayerCache
    from gate.image.memory import ImageMemory
    from gate.image.reporter import InspectReporter
    from gate.image.table import FileTable
    from gate.model.image import ImageRef, IndexChild, IndexFacts, Inventory
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
    unread: Unread | None = None,
) -> tuple[IndexFacts | None, Iterator[tuple[Inventory, FileTable | None]]]:
    """Return what the index lists, if it is one, and read its images as they are asked for; errors as both readers.

    `cache` is of layers and `memory` of images, as in `read_inventory`. The files of one image are all that is in
    memory at a time, if the caller keeps none. `platform` (`os/architecture` or longer) chooses images of the index.
    With `unread`, an image of an index that is not to be read, or can't be, is noted there and the others are read;
    if none is left of which anything can be told, an image without files stands for what was refused.

    Raises:
        UsageError: `no_such_platform`: the index has no image for it, or the one image is for another.
    """
    known = Remembered(reader)
    index = read_index(known, ref, bounds=bounds)
    read = partial(
        read_inventory,
        known,
        bounds=bounds,
        base_catalogue=base_catalogue,
        reporter=reporter,
        cache=cache,
        memory=memory,
    )
    images = _Images(reader=known, ref=ref, bounds=bounds, read=read, unread=unread)
    if index is None:
        return None, images.only(platform)
    listed = [child for child in index.images if _is_for(child.platform, platform)]
    if not listed:
        raise _refusal(platform, [child.platform for child in index.images])
    return index, images.each(index, listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Images:
    """The images of one ref, and what is made of those that are not to be read or can't be."""

    reader: ImageReader
    ref: ImageRef
    bounds: ImageBounds
    read: Callable[[ImageRef], tuple[Inventory, FileTable]]
    unread: Unread | None

    def only(self, platform: str) -> Iterator[tuple[Inventory, FileTable | None]]:
        """Read the one image that there is."""
        try:
            inventory, files = self.read(self.ref)
        except InputError as error:
            if self.unread is None or not self.unread.refuses(error):
                raise
            yield stub_of(self.reader, self.ref, self.bounds, error), None
            return
        if not _is_for(inventory.image.platform, platform):
            raise _refusal(platform, [inventory.image.platform])
        yield inventory, files

    def each(self, index: IndexFacts, children: Sequence[IndexChild]) -> Iterator[tuple[Inventory, FileTable | None]]:
        """Read the images of an index."""
        some = False
        for child in children:
            if self.unread is not None and self.unread.leaves_out(child):
                continue
            try:
                inventory, files = self.read(self.ref.at(child.digest))
            except (InputError, BoundError) as error:
                if self.unread is None:
                    raise
                self.unread.note(child, error)
                continue
            some = True
            yield in_index(inventory, index), files
        if not some and self.unread is not None:
            yield in_index(self.unread.instead(self.reader, self.ref, self.bounds), index), None


def _is_for(platform: str, wanted: str) -> bool:
    return not wanted or platform == wanted or platform.startswith(f"{wanted}/")


def _refusal(platform: str, there: Sequence[str]) -> UsageError:
    message = f"there is no image for `{platform[:100]}`"
    names = ", ".join(name or "an image that names no platform" for name in there)
    return UsageError(message, hint=f"there is: {names[:500]}", code="no_such_platform")
