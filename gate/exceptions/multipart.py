"""A form with files (RFC 7578) as a stream of known length: a wheel of gigabytes is not held in memory."""

from __future__ import annotations

import io
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

from gate.exceptions.storage import refuse_odd_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gate.exceptions.interface import Upload

_CHUNK = 1024 * 1024


class Multipart(io.RawIOBase):
    """Reads as the form's body, once; `len` is its length in bytes and `content_type` its media type."""

    def __init__(self, fields: Iterable[tuple[str, str]], files: Sequence[Upload]) -> None:
        """Take fields by name, and files, which all have the name `file`.

        Raises:
            InputError: `file_name`: a file's name could be taken for a header.
        """
        super().__init__()
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._parts: list[BinaryIO] = []
        for name, value in fields:
            text = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            self._parts.append(io.BytesIO(text.encode()))
        for upload in files:
            refuse_odd_name(upload.filename)
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{upload.filename}"\r\n'
            kind = "Content-Type: application/octet-stream\r\n\r\n"
            self._parts += [io.BytesIO(f"{head}{kind}".encode()), upload.stream, io.BytesIO(b"\r\n")]
        self._parts.append(io.BytesIO(f"--{boundary}--\r\n".encode()))
        self._length = sum(_length(part) for part in self._parts)
        self._position = 0

    def __len__(self) -> int:
        return self._length

    def readable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return how many bytes were read: `requests` subtracts them from the length."""
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return at most `size` bytes, or all that is left."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        while self._parts:
            if data := self._parts[0].read(size):
                self._position += len(data)
                return data
            self._parts.pop(0)
        return b""


def _length(part: BinaryIO) -> int:
    end = part.seek(0, os.SEEK_END)
    part.seek(0)
    return end
