"""A client that remembers what it asked, so that tests can say which request proves what."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Unpack
from urllib.parse import urlsplit

from gate.http.client import HttpClient, Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from gate.http.answer import Answer, Stream


class Remembering(HttpClient):
    """Keeps `METHOD /path` of every exchange in the order in which they began."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start with none."""
        super().__init__(*args, **kwargs)
        self.asked: list[str] = []
        self._guard = threading.Lock()

    def request(self, method: str, url: str, **options: Unpack[Options]) -> Answer:
        """As the client."""
        self._note(method, url)
        return super().request(method, url, **options)

    @contextmanager
    def stream(self, url: str, **options: Unpack[Options]) -> Iterator[Stream]:
        """As the client."""
        self._note("GET", url)
        with super().stream(url, **options) as opened:
            yield opened

    def _note(self, method: str, url: str) -> None:
        with self._guard:
            self.asked.append(f"{method} {urlsplit(url).path}")
