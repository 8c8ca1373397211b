"""Unpack in one thread while another reads the tar: both release the interpreter while they work on bytes."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH = 4
"""Pieces in flight: enough to smooth the two sides, little enough to be nothing in memory."""


class _Pump:
    """Runs an iterator in a thread of its own, at most `DEPTH` pieces ahead."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=DEPTH)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate-unpack", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for piece in self._source:
                if self._stop.is_set():
                    return
                self._queue.put(piece)
        except BaseException as error:  # noqa: BLE001 - carried over to the reading thread and raised there
            self._queue.put(error)
        else:
            self._queue.put(None)

    def pieces(self) -> Iterator[bytes]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop the thread, wherever it is, and wait for it: it holds the blob's connection."""
        self._stop.set()
        while self._thread.is_alive():
            with suppress(queue.Empty):
                self._queue.get_nowait()
            self._thread.join(timeout=0.002)


@contextmanager
def pumped(source: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """Give the pieces of `source` as they are made by another thread; its errors are raised to whoever reads."""
    pump = _Pump(source)
    try:
        yield pump.pieces()
    finally:
        pump.close()
