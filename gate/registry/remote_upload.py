"""Bring a blob into a repository, whole or in chunks; checked before the registry is told to keep it."""

from __future__ import annotations

import contextlib
import hashlib
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import quote

from gate.errors import GateError, IntegrityError
from gate.http.answer import Answer
from gate.registry.interface import Descriptor
from gate.registry.remote_wire import Place, Wire

CHUNK_BYTES = 4 * 1024 * 1024
_OCTETS = {"Content-Type": "application/octet-stream"}


class Upload:
    """One upload session, given up if the block that it is used in fails.

    The bytes leave in chunks that fit into memory, so that a token that ran out can be renewed between them.
    """

    def __init__(self, wire: Wire, place: Place, opened: Answer, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        """Continue the session that `opened` (202) began."""
        self._wire = wire
        self._place = place
        self._scopes = (place.scope("pull,push"),)
        self._location = self._next(opened)
        self._chunk_bytes = chunk_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # As well as that goes: the registry clears away by itself what is left.
            with contextlib.suppress(GateError):
                self._wire.request("DELETE", self._place, self._location, self._scopes, retried=False)

    def send(self, descriptor: Descriptor, stream: BinaryIO) -> None:
        """Send the stream and close the session.

        Raises:
            IntegrityError: the bytes are not the descriptor's; the registry was never asked to keep them.
            UpstreamError: the registry refused.
        """
        digest = hashlib.sha256()
        sent = 0
        chunk = _fill(stream, min(self._chunk_bytes, descriptor.size + 1))
        while True:
            digest.update(chunk)
            room = descriptor.size - sent - len(chunk)
            ahead = _fill(stream, min(self._chunk_bytes, room + 1)) if chunk and room >= 0 else b""
            if not ahead:
                break
            self._patch(chunk, sent)
            sent += len(chunk)
            chunk = ahead
        size = sent + len(chunk)
        if size != descriptor.size or f"sha256:{digest.hexdigest()}" != descriptor.digest:
            message = f"the bytes to upload are not blob {descriptor.digest} of {descriptor.size} bytes"
            raise IntegrityError(message, read=size)
        if sent:
            self._patch(chunk, sent)
            chunk = b""
        mark = "&" if "?" in self._location else "?"
        url = f"{self._location}{mark}digest={quote(descriptor.digest, safe='')}"
        # The closing request is not tried again blindly: its answer may be lost after the blob was kept.
        self._wire.request("PUT", self._place, url, self._scopes, headers=_OCTETS, body=chunk, retried=False)

    def _patch(self, chunk: bytes, start: int) -> None:
        headers = {**_OCTETS, "Content-Range": f"{start}-{start + len(chunk) - 1}"}
        answer = self._wire.request("PATCH", self._place, self._location, self._scopes, headers=headers, body=chunk)
        self._location = self._next(answer)

    def _next(self, answer: Answer) -> str:
        return self._place.onward(answer, answer.headers.get("Location", ""), "upload_location_foreign")


def _fill(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end."""
    parts: list[bytes] = []
    while size > 0 and (data := stream.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)
