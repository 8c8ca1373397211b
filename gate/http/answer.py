"""What a server answered, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from gate.errors import UpstreamError
from gate.http.address import show
from gate.http.body import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer in memory.

    Attributes:
        url: the address that answered, after redirects. It may hold a signature: show it through `address.show`.
        status: the HTTP status.
        headers: keys in any case.
        body: the bytes, transfer coding and content coding undone.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RangePart:
    """The bytes of a range: `body` begins at byte `start` of a file of `total` bytes (None: the server won't say)."""

    body: bytes
    start: int
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeIgnored:
    """The server sent the whole file instead of the range; nothing of it was read. `total` is its size, if told."""

    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer whose body is still to be read, raw; the rest as in `Answer`."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: Body


def parse_json(body: bytes, url: str) -> object:
    """Return what the body says.

    Raises:
        UpstreamError: `upstream_not_json` if it is no JSON, or nested deeper than the interpreter allows.
    """
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        message = f"`{show(url)}` answered something that is not JSON"
        raise UpstreamError(message, code="upstream_not_json", url=show(url)) from None
    return parsed
