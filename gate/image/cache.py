"""What reading a layer gave, kept by the layer's digest: the shared layers of a fleet are read once.

Only a layer that was read to its last byte, with digest, size and diff id right, is ever written down. Everything that
the result depends on is part of its key: the layer, the code that read it, and the bounds under which it did.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import zstandard

from gate.image.codec import CodecError, decode, encode
from gate.model.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.bounds import ImageBounds
    from gate.image.layers import LayerContent
    from gate.model.image import LayerFact

READING = ("capture", "codec", "cursor", "heads", "layers", "pump", "stream", "tar", "tree")
"""The modules that decide what a layer is read as; a change to any of them makes every entry another's."""

_PROOF_BYTES = 32
_LEVEL = 1


class LayerCache(Protocol):
    """Keeps entries by key. It may forget any of them; what it can't do costs time and is no error."""

    def get(self, key: str) -> bytes | None:
        """Return the entry under a key, if there is one."""
        ...

    def put(self, key: str, layer: Digest, entry: bytes) -> None:
        """Keep an entry under a key, in the place of what was there; `layer` is for people who look."""
        ...


class NoLayerCache:
    """Keeps nothing."""

    def get(self, key: str) -> bytes | None:
        """Know of nothing."""

    def put(self, key: str, layer: Digest, entry: bytes) -> None:
        """Forget it at once."""


@functools.cache
def reader_version() -> str:
    """Return the digest of the code that reads layers, so that no change to it can be forgotten here.

    Empty where the sources were not installed: then nothing tells one version from another, and nothing is kept.
    """
    total = hashlib.sha256()
    try:
        for name in READING:
            total.update(hashlib.sha256(Path(__file__).with_name(f"{name}.py").read_bytes()).digest())
    except OSError:
        return ""
    return total.hexdigest()


def key_of(layer: LayerFact, bounds: ImageBounds) -> str:
    """Return the key of a layer's entry, in hexadecimal.

    All that the manifest and the config say of the layer is in it: whoever claims another diff id, size or media type
    for a digest that was read before finds nothing, and the layer is read and refused.
    """
    limits = (bounds.layer_bytes, bounds.ratio, bounds.metadata_bytes, bounds.name_bytes, bounds.depth)
    said = (reader_version(), sys.byteorder, layer.digest, layer.diff_id, layer.size, layer.media_type, *limits)
    return hashlib.sha256("\n".join(map(str, said)).encode()).hexdigest()


class CachedLayers:
    """Takes layers from a cache and brings them into it."""

    def __init__(self, cache: LayerCache, bounds: ImageBounds) -> None:
        """Ask nothing yet."""
        self._cache = cache if reader_version() else NoLayerCache()
        self._bounds = bounds

    def find(self, layer: LayerFact, *, index: int, seen: int, kept: int) -> LayerContent | None:
        """Return what the layer says, if that was kept, is whole, and stays within what the image may still have.

        Where `seen` entries or `kept` bytes of the layers before leave too little room, the layer is read: only that
        tells which bound is hit, and where.
        """
        key = key_of(layer, self._bounds)
        entry = self._cache.get(key)
        content = self._opened(key, entry, index) if entry is not None else None
        if content is None or seen + content.entries > self._bounds.files:
            return None
        more = sum(map(len, content.kept.values()))
        return content if kept + more <= self._bounds.kept_bytes else None

    def written(self, layer: LayerFact, content: LayerContent, *, index: int) -> Callable[[], None]:
        """Write down what a layer says that was read to its end, and return what brings it into the cache.

        The content may be changed as soon as this returns. Nothing is kept of a layer whose result is too large, or
        depends on other layers.
        """
        data = None if content.crowded else encode(content, index=index, limit=self._bounds.cached_bytes)

        def keep() -> None:
            if data is not None:
                key = key_of(layer, self._bounds)
                self._cache.put(key, layer.digest, _sealed(key, zstandard.compress(data, _LEVEL)))

        return keep

    def _opened(self, key: str, entry: bytes, index: int) -> LayerContent | None:
        """Open an entry; one that is cut, altered or another's is none."""
        packed = entry[_PROOF_BYTES:]
        if _sealed(key, packed) != entry:
            return None
        try:
            size = zstandard.frame_content_size(packed)
            if not 0 <= size <= self._bounds.cached_bytes:
                return None
            return decode(zstandard.decompress(packed, max_output_size=size), index=index)
        except (zstandard.ZstdError, CodecError):
            return None


def _sealed(key: str, packed: bytes) -> bytes:
    """Put the digest of key and content before the content: an entry under another's key is none either."""
    return hashlib.sha256(key.encode() + packed).digest() + packed
