"""The layers of an image, each read or found in the cache, laid over each other from the lowest up."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from gate.image.cache import CachedLayers
from gate.image.files import FileSystem
from gate.image.layers import opened_layer, scanned_layer
from gate.registry.interface import Descriptor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gate.bounds import ImageBounds
    from gate.image.cache import LayerCache
    from gate.image.reporter import InspectReporter
    from gate.model.image import ImageFacts, ImageRef, LayerFact
    from gate.registry.interface import ImageReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What layers are read with: the store of the pinned `ref`, the bounds, who is told, and what is known already."""

    reader: ImageReader
    ref: ImageRef
    bounds: ImageBounds
    report: InspectReporter
    cache: LayerCache

    def merged(self, facts: ImageFacts, *, base_layers: int) -> FileSystem:
        """Return the file system that a container would see.

        Raises:
            InputError, IntegrityError, BoundError, NotFoundError, UpstreamError: as `read_layer` and the reader.
        """
        system = FileSystem(base_layers=base_layers)
        known = CachedLayers(self.cache, self.bounds)
        seen = 0
        with _Keeper() as keeper:
            for index, layer in enumerate(facts.layers):
                self.report.layer_started(index, layer)
                kept = system.kept_bytes
                content = known.find(layer, index=index, seen=seen, kept=kept)
                if content is None:
                    with self._opened(layer, index) as pieces:
                        content = scanned_layer(pieces, index=index, bounds=self.bounds, seen=seen, kept=kept)
                    keeper.start(known.written(layer, content, index=index))
                else:
                    self.report.layer_read(index, layer.size)
                seen += content.entries
                self.report.layer_done(index, content.entries)
                system.put(content, index=index)
        return system

    @contextmanager
    def _opened(self, layer: LayerFact, index: int) -> Iterator[Iterator[bytes]]:
        """Open a layer; once this is left without an error, every digest was right, the blob's own included."""
        descriptor = Descriptor(digest=layer.digest, size=layer.size, media_type=layer.media_type)
        read = partial(self.report.layer_read, index)
        with (
            self.reader.blob(self.ref, descriptor) as stream,
            opened_layer(stream, index=index, layer=layer, bounds=self.bounds, read=read) as pieces,
        ):
            yield pieces


class _Keeper:
    """Brings one layer into the cache while the next is read; a slow database costs no time."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wait()

    def start(self, keep: Callable[[], None]) -> None:
        self._wait()
        self._thread = threading.Thread(target=keep, name="gate-keep")
        self._thread.start()

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()
