"""Read, unpack and hash in threads of their own while another reads the tar: all release the interpreter meanwhile."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH = 4
"""Pieces in flight: enough to smooth the two sides, little enough to be nothing in memory."""


class _Pump:
    """Runs an iterator in a thread of its own, at most `DEPTH` pieces ahead."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._made: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
        # One token for each piece that may be in flight: two simple queues cost a fifth of one that is bounded itself.
        self._free: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(DEPTH):
            self._free.put(None)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate-unpack", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for piece in self._source:
                self._free.get()
                if self._stop.is_set():
                    return
                self._made.put(piece)
        except BaseException as error:  # noqa: BLE001 - carried over to the reading thread and raised there
            self._made.put(error)
        else:
            self._made.put(None)

    def pieces(self) -> Iterator[bytes]:
        while (item := self._made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
            self._free.put(None)

    def close(self) -> None:
        """Stop the thread, wherever it is, and wait for it: it holds the blob's connection."""
        self._stop.set()
        self._free.put(None)
        self._thread.join()


@contextmanager
def pumped(source: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """Give the pieces of `source` as they are made by another thread; its errors are raised to whoever reads."""
    pump = _Pump(source)
    try:
        yield pump.pieces()
    finally:
        pump.close()
