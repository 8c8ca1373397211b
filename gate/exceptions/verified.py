"""A file that proves its digest while it is read."""

from __future__ import annotations

import hashlib
import io
import os

from gate.bounds import MIB
from gate.errors import IntegrityError
from gate.exceptions.folders import translating_os_errors

_CHUNK = MIB


class VerifiedFile(io.RawIOBase):
    """The last byte comes only after all of them were right.

    Read from start to end it is read once; the first seek elsewhere reads it whole beforehand.
    """

    def __init__(self, descriptor: int, sha256: str) -> None:
        """Own the descriptor of a regular file, at its start."""
        super().__init__()
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._sha256 = sha256
        self._size = os.fstat(descriptor).st_size
        self._position = 0
        self._digest = hashlib.sha256()
        self._proved = False

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def verify(self) -> None:
        """Read whatever was not read yet; IntegrityError if the bytes do not have the digest."""
        position = self._position
        while not self._proved:
            self._take(bytearray(_CHUNK))
        self._position = self._file.seek(position)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go elsewhere, once the whole is known to be right."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset != self._position:
            self.verify()
            self._position = self._file.seek(max(0, base + offset))
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # what BufferedReader hands in
        """Fill the buffer; 0 means the end."""
        return self._take(buffer) if len(buffer) else 0

    def _take(self, buffer: bytearray | memoryview) -> int:
        # No more than the size at opening: what is appended meanwhile is no part of the file.
        view = memoryview(buffer).cast("B")[: max(0, self._size - self._position)]
        with translating_os_errors():
            count = self._file.readinto(view) or 0
        self._position += count
        if not self._proved:
            self._digest.update(view[:count])
            if count == 0 or self._position == self._size:
                self._prove(view)
        return count

    def _prove(self, view: memoryview) -> None:
        if f"sha256:{self._digest.hexdigest()}" != self._sha256:
            view[:] = bytes(len(view))
            message = "a stored file does not have the bytes that were approved"
            hint = "take it out of the storage, find out who changed it, and approve the request again"
            raise IntegrityError(message, code="stored_file_altered", hint=hint, sha256=self._sha256)
        self._proved = True
