"""A position in a stream of pieces: take a few bytes whole, run over many without joining them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from gate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512


class Cursor:
    """Reads a stream of pieces from front to end. `index` names the layer in errors."""

    def __init__(self, pieces: Iterator[bytes], *, index: int) -> None:
        """Take nothing yet."""
        self._pieces = pieces
        self._piece = b""
        self._at = 0
        self._index = index

    def block(self) -> bytes:
        """Return the next 512 bytes; none at the end.

        Raises:
            InputError: `layer_truncated`: fewer than 512 are left.
        """
        end = self._at + BLOCK
        if end <= len(self._piece):
            found = self._piece[self._at : end]
            self._at = end
            return found
        if self._at == len(self._piece) and not self._next():
            return b""
        return self.take(BLOCK)

    def take(self, size: int) -> bytes:
        """Return exactly `size` bytes, joined: for sizes that were bounded before.

        Raises:
            InputError: `layer_truncated`.
        """
        end = self._at + size
        if end <= len(self._piece):
            found = self._piece[self._at : end]
            self._at = end
            return found
        return b"".join(self.spans(size))

    def spans(self, size: int) -> Iterator[memoryview]:
        """Yield the next `size` bytes in the pieces in which they came.

        Raises:
            InputError: `layer_truncated`.
        """
        while size:
            if self._at == len(self._piece) and not self._next():
                raise self._truncated()
            step = min(size, len(self._piece) - self._at)
            yield memoryview(self._piece)[self._at : self._at + step]
            self._at += step
            size -= step

    def digest(self, size: int) -> bytes:
        """Return the raw sha256 of the next `size` bytes.

        Raises:
            InputError: `layer_truncated`.
        """
        end = self._at + size
        if end <= len(self._piece):
            found = sha256(memoryview(self._piece)[self._at : end]).digest()
            self._at = end
            return found
        total = sha256()
        for span in self.spans(size):
            total.update(span)
        return total.digest()

    def headed(self, size: int, most: int) -> tuple[bytes, bytes]:
        """Return the first `most` of the next `size` bytes, and the raw sha256 of all of them.

        Raises:
            InputError: `layer_truncated`.
        """
        end = self._at + size
        if end <= len(self._piece):
            head = self._piece[self._at : min(self._at + most, end)]
            return head, self.digest(size)
        total, first = sha256(), bytearray()
        for span in self.spans(size):
            first += span[: most - len(first)]
            total.update(span)
        return bytes(first), total.digest()

    def skip(self, size: int) -> None:
        """Pass over `size` bytes.

        Raises:
            InputError: `layer_truncated`.
        """
        while size > (left := len(self._piece) - self._at):
            size -= left
            self._at = len(self._piece)
            if not self._next():
                raise self._truncated()
        self._at += size

    def drain(self) -> bool:
        """Run to the end of the stream; say whether all that was left is zeros."""
        clean = True
        rest = self._piece[self._at :]
        while True:
            clean = clean and rest.count(0) == len(rest)
            if not self._next():
                return clean
            rest = self._piece

    def _next(self) -> bool:
        piece = next(self._pieces, b"")
        self._piece, self._at = piece, 0
        return bool(piece)

    def _truncated(self) -> InputError:
        message = f"layer {self._index} ends in the middle of its tar"
        hint = "Push the image again; if it stays so, build it again."
        return InputError(message, code="layer_truncated", hint=hint, layer=self._index)
