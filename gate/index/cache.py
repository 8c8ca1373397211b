"""Keep what was read of a wheel, so that the same bytes are asked for once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol


class FactsCache(Protocol):
    """Bytes by key. An implementation may forget anything at any time; it never answers with other bytes."""

    def get(self, key: str) -> bytes | None:
        """Return what was put under the key, or None."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Keep the bytes."""
        ...


class MemoryCache:
    """Keeps at most `limit` bytes in memory, the latest used; safe between threads."""

    def __init__(self, limit: int) -> None:
        """Begin empty."""
        self._limit = limit
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return what was put under the key, or None."""
        with self._lock:
            data = self._held.get(key)
            if data is not None:
                self._held.move_to_end(key)
            return data

    def put(self, key: str, data: bytes) -> None:
        """Keep the bytes and forget the longest unused beyond the limit."""
        with self._lock:
            self._bytes += len(data) - len(self._held.pop(key, b""))
            self._held[key] = data
            while self._bytes > self._limit:
                self._bytes -= len(self._held.popitem(last=False)[1])
