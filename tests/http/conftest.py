"""A client with tight bounds, which sleeps only on paper."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers.waiting import Sleeper

from gate.bounds import HttpBounds
from gate.http.client import HttpClient

FAST = HttpBounds(connect=2.0, read=0.2, total=5.0, stream=5.0, answer_bytes=1000, redirects=3, attempts=3, wait=20.0)


@pytest.fixture
def sleeper() -> Sleeper:
    """Keep the waits of the test's client."""
    return Sleeper()


@pytest.fixture
def client(sleeper: Sleeper) -> Iterator[HttpClient]:
    """Open a client with tight bounds."""
    made = HttpClient(FAST, sleep=sleeper)
    yield made
    made.close()
