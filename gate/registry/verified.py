"""A stream that vouches for its bytes: it can't be read to its end without its size and digest being right."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

from gate.errors import IntegrityError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from gate.registry.interface import Descriptor

_CHUNK = 1024 * 1024


class VerifiedReader(io.BufferedReader):
    """A stream whose bytes need no second look by whoever reads it to the descriptor's end."""

    def __init__(self, raw: io.RawIOBase, descriptor: Descriptor) -> None:
        """Read `raw`, which holds its bytes against the descriptor."""
        super().__init__(raw, _CHUNK)
        self.descriptor = descriptor


def verified(stream: BinaryIO, descriptor: Descriptor, *, place: str) -> VerifiedReader:
    """Wrap a stream of a blob; the wrapper raises IntegrityError at the end, or at the first byte too many."""
    return VerifiedReader(_Verified(stream, descriptor, place), descriptor)


class _Verified(io.RawIOBase):
    """Counts and hashes what passes. The digest is checked with the last byte, before a reader can stop there."""

    def __init__(self, stream: BinaryIO, descriptor: Descriptor, place: str) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._place = place
        self._hash = hashlib.sha256()
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._stream.read(len(view))
        view[: len(data)] = data
        self._hash.update(data)
        self._seen += len(data)
        if not data or self._seen >= self._descriptor.size:
            self._check(ended=not data)
        return len(data)

    def _check(self, *, ended: bool) -> None:
        wrong_size = self._seen > self._descriptor.size or (ended and self._seen != self._descriptor.size)
        if wrong_size or "sha256:" + self._hash.hexdigest() != self._descriptor.digest:
            message = f"blob {self._descriptor.digest} of `{self._place}` has other bytes than its digest and size say"
            hint = "the store is damaged or was tampered with; push the image again"
            raise IntegrityError(message, hint=hint, digest=self._descriptor.digest, size=self._descriptor.size)
