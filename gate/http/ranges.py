"""One range of bytes: how it is asked for, and that the answer is the one that was asked for (RFC 9110 §14)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gate.errors import UpstreamError
from gate.http.address import show
from gate.http.answer import RangePart

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)


def range_header(start: int | None, end: int | None, suffix: int | None) -> tuple[str, int]:
    """Return the `Range` header's value and the most bytes that may come.

    Raises:
        ValueError: neither or both ways of naming the range, or an empty one.
    """
    if suffix is not None and start is None and end is None and suffix > 0:
        return f"bytes=-{suffix}", suffix
    if suffix is None and start is not None and end is not None and 0 <= start <= end:
        return f"bytes={start}-{end}", end - start + 1
    message = "a range is either `start` to `end` or the last `suffix` bytes, and not empty"
    raise ValueError(message)


def range_part(
    url: str, headers: Mapping[str, str], body: bytes, *, start: int | None, suffix: int | None
) -> RangePart:
    """Return the part, once its `Content-Range` says that it lies where it was asked for.

    Raises:
        UpstreamError: `range_wrong`.
    """
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    if match is not None and headers.get("Content-Encoding", "identity") == "identity":
        first, last = int(match[1]), int(match[2])
        total = None if match[3] == "*" else int(match[3])
        inside = total is None or last < total
        placed = first == start if suffix is None else total is None or last == total - 1
        if inside and placed and len(body) == last - first + 1:
            return RangePart(body=body, start=first, total=total)
    message = f"`{show(url)}` sent other bytes than the range that it was asked for"
    raise UpstreamError(message, code="range_wrong", url=show(url))
