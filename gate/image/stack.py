"""The layers of an image, each read or found in the cache, laid over each other from the lowest up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gate.image.cache import CachedLayers
from gate.image.files import FileSystem
from gate.image.layers import read_layer
from gate.registry.interface import Descriptor

if TYPE_CHECKING:
    from gate.bounds import ImageBounds
    from gate.image.cache import LayerCache
    from gate.image.layers import LayerContent
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
        for index, layer in enumerate(facts.layers):
            self.report.layer_started(index, layer)
            content = known.find(layer, index=index, seen=seen, kept=system.kept_bytes)
            if content is None:
                content = self._read(layer, index=index, seen=seen, kept=system.kept_bytes)
                known.keep(layer, content, index=index)
            else:
                self.report.layer_read(index, layer.size)
            seen += content.entries
            self.report.layer_done(index, content.entries)
            system.put(content, index=index)
        return system

    def _read(self, layer: LayerFact, *, index: int, seen: int, kept: int) -> LayerContent:
        """Read a layer to its end; what comes back has every digest right, the blob's own included."""
        descriptor = Descriptor(digest=layer.digest, size=layer.size, media_type=layer.media_type)
        with self.reader.blob(self.ref, descriptor) as stream:
            return read_layer(
                stream,
                index=index,
                layer=layer,
                bounds=self.bounds,
                seen=seen,
                kept=kept,
                read=partial(self.report.layer_read, index),
            )
