"""Bring a blob into a repository, in one stream or in chunks; checked before the registry is told to keep it."""

from __future__ import annotations

import contextlib
import hashlib
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import quote

from gate.errors import (
    GateError,
    IntegrityError,
    ThrottledUpstreamError,
    UnauthorizedUpstreamError,
    UpstreamError,
)
from gate.http.answer import Answer
from gate.registry.interface import IN_PARTS, Descriptor
from gate.registry.remote_body import OutgoingBlob
from gate.registry.remote_wire import Place, Wire

CHUNK_BYTES = 4 * 1024 * 1024
"""Size of the parts in which a blob goes to a registry that does not take it whole."""

_SMALL = 1024 * 1024
_OCTETS = {"Content-Type": "application/octet-stream"}


class Upload:
    """One upload session, given up if the block that it is used in fails.

    The bytes leave in one stream, or in chunks that fit into memory, between which a token that ran out is renewed.
    """

    def __init__(self, wire: Wire, place: Place, opened: Answer, *, chunk_bytes: int = 0) -> None:
        """Continue the session that `opened` (202) began, in chunks of `chunk_bytes` if there is such a size."""
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
            UpstreamError: the registry refused; `blob_in_parts`: it did not take the blob in one piece.
        """
        if self._chunk_bytes or descriptor.size <= _SMALL:
            rest = self._send_chunks(descriptor, stream, self._chunk_bytes or _SMALL)
        else:
            rest = self._send_whole(descriptor, stream)
        mark = "&" if "?" in self._location else "?"
        url = f"{self._location}{mark}digest={quote(descriptor.digest, safe='')}"
        # The closing request is not tried again blindly: its answer may be lost after the blob was kept.
        self._wire.request("PUT", self._place, url, self._scopes, headers=_OCTETS, body=rest, retried=False)

    def _send_whole(self, descriptor: Descriptor, stream: BinaryIO) -> bytes:
        """Send everything in one request, as container engines do, while it is read and hashed."""
        body = OutgoingBlob(descriptor, stream)
        headers = {**_OCTETS, "Content-Range": f"0-{descriptor.size - 1}"}
        try:
            answer = self._wire.request("PATCH", self._place, self._location, self._scopes, headers=headers, body=body)
        except UpstreamError as failure:
            if body.broken or isinstance(failure, UnauthorizedUpstreamError | ThrottledUpstreamError):
                raise
            message = f"`{self._place.host}` did not take blob {descriptor.digest} in one piece: {failure}"
            hint = "try again: what it did not take so is sent to it in parts"
            raise UpstreamError(message, hint=hint, code=IN_PARTS, **failure.facts) from None
        self._location = self._next(answer)
        return b""

    def _send_chunks(self, descriptor: Descriptor, stream: BinaryIO, chunk_bytes: int) -> bytes:
        """Send all but what may go along with the closing request, and return that."""
        digest = hashlib.sha256()
        sent = 0
        chunk = _fill(stream, min(chunk_bytes, descriptor.size + 1))
        while True:
            digest.update(chunk)
            room = descriptor.size - sent - len(chunk)
            ahead = _fill(stream, min(chunk_bytes, room + 1)) if chunk and room >= 0 else b""
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
        return chunk

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
