"""When an exchange is worth another try, and how long to wait before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

RETRIED = frozenset({429, 500, 502, 503, 504})
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
FIRST_PAUSE = 0.5


def pause(attempt: int, headers: Mapping[str, str]) -> float:
    """Return the seconds to wait after the given try (1 is the first): what the server asks for, else doubling.

    A `Retry-After` date is held against the same answer's `Date`, so no clock of ours is asked (RFC 9110 §10.2.3).
    """
    asked = _asked(headers.get("Retry-After", "").strip(), headers.get("Date", ""))
    return FIRST_PAUSE * 2.0 ** (attempt - 1) if asked is None else asked


def _asked(value: str, date: str) -> float | None:
    if value.isascii() and value.isdigit():
        return float(value[:9])
    until, since = _instant(value), _instant(date)
    if until is None or since is None:
        return None
    return max(0.0, until.timestamp() - since.timestamp())


def _instant(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value)
    except ValueError:
        return None
