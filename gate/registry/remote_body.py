"""A blob as a body that is sent once: held against its digest while it goes, its last bytes only if it is right."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, BinaryIO

from gate.errors import IntegrityError
from gate.registry.verified import VerifiedReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.registry.interface import Descriptor


class OutgoingBlob:
    """What `requests` takes as a file: it has a length, and is read to it.

    The bytes at the end are handed out when all before them, and they, have turned out to be the descriptor's: a
    registry never gets the whole of anything else. `broken` says that the fault was the source's, not the registry's.

    Raises (on read):
        IntegrityError: the bytes are not the descriptor's.
        GateError: what the stream raises.
    """

    def __init__(self, descriptor: Descriptor, stream: BinaryIO) -> None:
        """Read from `stream`; one that vouches for the same descriptor is not hashed a second time."""
        self.broken = False
        self._descriptor = descriptor
        self._stream = stream
        self._left = descriptor.size
        vouched = isinstance(stream, VerifiedReader) and stream.descriptor == descriptor
        self._hash = None if vouched else hashlib.sha256()

    def __len__(self) -> int:
        """Return what is announced as the body's length."""
        return self._descriptor.size

    def __iter__(self) -> Iterator[bytes]:
        """Say to `requests` that this is a stream; it is read by `read`."""
        while data := self.read(1024 * 1024):
            yield data

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; none at the end."""
        if not self._left:
            return b""
        try:
            data = self._stream.read(self._left if size < 0 else min(size, self._left))
            self._left -= len(data)
            if self._hash is not None:
                self._hash.update(data)
            if not data or not self._left:
                self._check()
        except Exception:
            self.broken = True
            raise
        return data

    def _check(self) -> None:
        over = b"" if self._left else self._stream.read(1)
        digest = self._descriptor.digest if self._hash is None else f"sha256:{self._hash.hexdigest()}"
        if self._left or over or digest != self._descriptor.digest:
            message = f"the bytes to upload are not blob {self._descriptor.digest} of {self._descriptor.size} bytes"
            raise IntegrityError(message, read=self._descriptor.size - self._left + len(over))
