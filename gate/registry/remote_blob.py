"""A blob as it comes over the wire: held against its size and digest before its last bytes are handed out."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from gate.errors import IntegrityError
from gate.registry.interface import Descriptor

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class VerifiedBlob(io.RawIOBase):
    """Reads a blob from a source and counts and hashes along.

    Raises (on read):
        IntegrityError: `digest_mismatch` if the bytes have another digest, `size_mismatch` if they are more or fewer
            than the descriptor says. The chunk that would have completed a false blob is never returned.
    """

    def __init__(self, source: io.RawIOBase, descriptor: Descriptor) -> None:
        """Read from `source`, whose reads may be short."""
        super().__init__()
        self._source = source
        self._descriptor = descriptor
        self._left = descriptor.size
        self._hash = hashlib.sha256()
        self._done = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer with what has arrived; 0 means the end, and that the blob is what it should be."""
        view = memoryview(buffer).cast("B")
        if self._done or not len(view):
            return 0
        data = (self._source.read(min(len(view), self._left)) or b"") if self._left else b""
        if self._left and not data:
            self._refuse("size_mismatch", f"ends {self._left} bytes before its size")
        self._hash.update(data)
        self._left -= len(data)
        if not self._left:
            self._finish()
        view[: len(data)] = data
        return len(data)

    def _finish(self) -> None:
        if self._source.read(1):
            self._refuse("size_mismatch", f"goes on after its size of {self._descriptor.size} bytes")
        if "sha256:" + self._hash.hexdigest() != self._descriptor.digest:
            self._refuse("digest_mismatch", "has bytes of another digest")
        self._done = True

    def _refuse(self, code: str, what: str) -> NoReturn:
        message = f"blob {self._descriptor.digest} {what}"
        raise IntegrityError(message, hint="the registry or the way to it is broken", code=code)


def verified(source: io.RawIOBase, descriptor: Descriptor) -> BinaryIO:
    """Return a buffered file over the blob; each read returns as much as it was asked for, but at the end."""
    return io.BufferedReader(VerifiedBlob(source, descriptor), 1024 * 1024)
