"""Bodies that stream: bounded in time, whether they come or go; failures are translated while one is read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import requests

from gate.errors import BoundError, TimeoutUpstreamError
from gate.http.address import show
from gate.http.translate import translated
from gate.http.watch import Deadline

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 256 * 1024


class SizedReader(Protocol):
    """What can be sent without being in memory: it says how long it is, and is read once."""

    def __len__(self) -> int:
        """Return how many bytes there are."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes, none at the end."""
        ...


class Body(io.RawIOBase):
    """A body as a file that is read once; raw bytes unless `decode`. Close it, for a clock runs beside it.

    Each read returns what has arrived, so that a server that drips can't keep the deadline from being looked at.

    Raises (on read):
        TimeoutUpstreamError: the server is silent for too long, or the deadline is over.
        UpstreamError: the connection broke, or the body ended before its announced length.
    """

    def __init__(
        self, response: requests.Response, *, deadline: float, clock: Callable[[], float], decode: bool = False
    ) -> None:
        """Read from `response` until `deadline` on `clock` (seconds)."""
        super().__init__()
        self._raw = response.raw
        self._url = response.url
        self._deadline = deadline
        self._clock = clock
        self._decode = decode
        self._watch = Deadline(deadline - clock(), self._raw.shutdown)

    def close(self) -> None:
        """Stop the watch over the body; the connection is its opener's to close."""
        self._watch.cancel()
        super().close()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer with what has arrived; 0 means the end."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes as soon as some are there; all of them if `size` is negative."""
        if size < 0:
            return self.readall()
        self._in_time()
        if size == 0:
            return b""
        try:
            with translated(self._url):
                return self._raw.read1(size, decode_content=self._decode) or b""
        finally:
            # A socket that the watch has shut ends like a body without a length: that end is none.
            self._in_time()

    def _in_time(self) -> None:
        if self._watch.over or self._clock() > self._deadline:
            message = f"`{show(self._url)}` did not send its body in time"
            raise TimeoutUpstreamError(message, hint="try again, or raise the bound", url=show(self._url))

    def take(self, limit: int) -> bytes:
        """Return the whole body.

        Raises:
            BoundError: it has more than `limit` bytes; no more than one chunk beyond them was read.
        """
        chunks: list[bytes] = []
        room = limit
        while data := self.read(min(CHUNK, room + 1)):
            room -= len(data)
            if room < 0:
                message = f"the answer of `{show(self._url)}` has more than {limit} bytes"
                raise BoundError(message, hint="raise the bound if this is expected", code="answer_too_large")
            chunks.append(data)
        return b"".join(chunks)


class Outgoing:
    """A file as a body that is sent once, until the time is over.

    Raises (on read):
        TimeoutUpstreamError: the server takes it too slowly.
    """

    def __init__(self, file: SizedReader, url: str, *, deadline: float, clock: Callable[[], float]) -> None:
        """Send `file` to `url` until `deadline` on `clock` (seconds)."""
        self._file = file
        self._url = url
        self._deadline = deadline
        self._clock = clock

    def __len__(self) -> int:
        """Return the length that is announced."""
        return len(self._file)

    def __iter__(self) -> Iterator[bytes]:
        """Be a stream to `requests`; it is read all the same."""
        return iter(lambda: self.read(CHUNK), b"")

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; none at the end."""
        if self._clock() > self._deadline:
            message = f"`{show(self._url)}` did not take what was sent in time"
            raise TimeoutUpstreamError(message, hint="try again, or raise the bound", url=show(self._url))
        return self._file.read(size)
