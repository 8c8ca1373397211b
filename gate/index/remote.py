"""A file on a server, read by single ranges; never by several in one request, which servers answer with the whole."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from gate.errors import IntegrityError, UpstreamError
from gate.http.address import show
from gate.http.answer import RangeIgnored, RangePart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.http.client import HttpClient

_NEAR = 64 * 1024


class RangesIgnoredError(UpstreamError):
    """The server sends the whole file when it is asked for a range; `total` is its size, if it told."""

    code = "range_ignored"

    def __init__(self, url: str, total: int | None) -> None:
        """Name the address without what may be secret in it."""
        super().__init__(f"`{show(url)}` knows no ranges", hint="use an index that serves ranges", url=show(url))
        self.total = total


class RangeSource:
    """A remote file as a source of bytes. It begins with the end of the file, where a zip archive has its directory."""

    def __init__(self, http: HttpClient, url: str, *, tail: int) -> None:
        """Ask for the last `tail` bytes, and learn the size with them.

        Raises:
            RangesIgnoredError: the server knows no ranges.
            UpstreamError: the server failed, or would not tell the size (`range_no_total`).
        """
        self._http = http
        self._url = url
        part = self._accepted(http.get_range(url, suffix=tail))
        if part.total is None:
            message = f"`{show(url)}` does not say how long it is"
            raise UpstreamError(message, code="range_no_total", url=show(url))
        self._size = part.total
        self._spans: list[tuple[int, bytes]] = [(part.start, part.body)]

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`, asking only for what was not read yet.

        Raises:
            UpstreamError: as the client; `range_short` if the server sent less.
        """
        known = self._known(offset, offset + length) if length else b""
        if known is None:
            self._fetch(offset, offset + length)
            known = self._known(offset, offset + length)
        if known is None:
            message = f"`{show(self._url)}` sent less than it was asked for"
            raise UpstreamError(message, code="range_short", url=show(self._url))
        return known

    def prefetch(self, spans: Sequence[tuple[int, int]]) -> None:
        """Ask for the spans in few ranges: neighbours are read together."""
        joined: list[tuple[int, int]] = []
        for start, stop in sorted(span for span in spans if self._known(*span) is None):
            if joined and start - joined[-1][1] <= _NEAR:
                start, stop = joined[-1][0], max(stop, joined[-1][1])  # noqa: PLW2901 - the joined span
                joined.pop()
            joined.append((start, stop))
        for start, stop in joined:
            self._fetch(start, stop)

    def _known(self, start: int, stop: int) -> bytes | None:
        index = bisect_right(self._spans, start, key=lambda span: span[0]) - 1
        if index < 0:
            return None
        offset, body = self._spans[index]
        return body[start - offset : stop - offset] if stop <= offset + len(body) else None

    def _fetch(self, start: int, stop: int) -> None:
        part = self._accepted(self._http.get_range(self._url, start=start, end=stop - 1))
        if part.total not in {None, self._size}:
            message = f"`{show(self._url)}` changed while it was read"
            raise IntegrityError(message, code="range_changed", url=show(self._url))
        self._spans.append((part.start, part.body))
        self._spans.sort(key=lambda span: span[0])

    def _accepted(self, part: RangePart | RangeIgnored) -> RangePart:
        if isinstance(part, RangeIgnored):
            raise RangesIgnoredError(self._url, part.total)
        return part
