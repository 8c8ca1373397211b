"""Cut off servers that drip: the libraries bound the silence between two bytes, not how long a server may go on.

A status line, a header, a chunk's size or an endless row of `100 Continue` can be sent a byte at a time for days. So a
timer shuts the socket when the time for the exchange is over; what waits on it then fails at once.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests.adapters
import urllib3
import urllib3.connection
from urllib3.util.ssl_ import create_urllib3_context

_SLACK = 64
"""How many cancelled deadlines are kept before anybody looks for them."""

_PIECE = 256 * 1024
"""Bytes of a file that are sent at once; `urllib3` would take 16 KiB."""

_LOOK = 3600.0
"""Longest wait in seconds: no clock of the system takes one without end."""


class Deadline:
    """A moment at which `stop` is run once, in another thread, unless it is cancelled; `over` says whether it was."""

    def __init__(self, seconds: float, stop: Callable[[], object]) -> None:
        """Start counting."""
        self.over = False
        self.cancelled = False
        self._stop = stop
        _watch().add(time.monotonic() + max(seconds, 0.0), self)

    def cancel(self) -> None:
        """Stop counting; harmless if it is too late."""
        if not self.cancelled:
            self.cancelled = True
            self._stop = _nothing
            _watch().forget()

    def fire(self) -> None:
        """Stop what is watched, unless that was cancelled."""
        if self.cancelled:
            return
        self.over = True
        # The connection may be gone by itself in this very moment; and all other deadlines wait behind this one.
        with contextlib.suppress(Exception):
            self._stop()


def _nothing() -> None:
    """Hold on to no connection."""


class _Watch:
    """All deadlines of this process, and the one thread that waits for the next: a thread for each costs too much."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Deadline]] = []
        self._numbers = itertools.count()
        self._forgotten = 0
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """Say how many deadlines are kept, those that were cancelled a while ago left out."""
        return len(self._due)

    def add(self, when: float, deadline: Deadline) -> None:
        with self._changed:
            heapq.heappush(self._due, (when, next(self._numbers), deadline))
            # After a fork the thread is the parent's alone.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="gate-deadlines", daemon=True)
                self._thread.start()
            elif self._due[0][2] is deadline:
                self._changed.notify()

    def forget(self) -> None:
        """Drop what was cancelled, once it is most of what is kept."""
        with self._changed:
            self._forgotten += 1
            if self._forgotten > max(_SLACK, len(self._due) // 2):
                self._due = [one for one in self._due if not one[2].cancelled]
                heapq.heapify(self._due)
                self._forgotten = 0

    def _run(self) -> None:
        while True:
            with self._changed:
                left = self._due[0][0] - time.monotonic() if self._due else _LOOK
                if left > 0:
                    self._changed.wait(min(left, _LOOK))
                    continue
                deadline = heapq.heappop(self._due)[2]
            deadline.fire()


@functools.lru_cache(maxsize=1)
def _watch() -> _Watch:
    return _Watch()


class Trust:
    """The authorities that connections trust, read from a bundle once and not for each connection."""

    def __init__(self) -> None:
        """Start with none read."""
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, int, int], ssl.SSLContext] = {}

    def context(self, file: str | None, folder: str | None) -> ssl.SSLContext | None:
        """Return the context of a bundle, read anew when the file changed; None leaves a folder or none to `urllib3`.

        Raises:
            urllib3.exceptions.SSLError: the file holds no certificates.
        """
        if not file or folder:
            return None
        try:
            found = Path(file).stat()
            key = file, found.st_mtime_ns, found.st_size
            with self._lock:
                if key not in self._kept:
                    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
                    context.load_verify_locations(file)
                    self._kept = {key: context}
                return self._kept[key]
        except OSError as error:
            raise urllib3.exceptions.SSLError(error) from error


class WatchedAdapter(requests.adapters.HTTPAdapter):
    """An adapter whose connections give a status line and headers within the time that `within` grants."""

    def __init__(self) -> None:
        """Watch plain and TLS connections, direct ones and those through an HTTP proxy."""
        self._granted = threading.local()
        self._pools = _pools(self._granted, Trust())
        super().__init__()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Grant this thread's exchange so much time until its headers are there."""
        self._granted.seconds = seconds
        try:
            yield
        finally:
            del self._granted.seconds

    def close(self) -> None:
        """Close idle connections now: `urllib3` waits until nobody remembers their pool, be it an old traceback."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - urllib3's container is not iterable
                if (pool := manager.pools.get(key)) is not None:
                    pool.close()
        super().close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed through
        """Make the manager of direct connections as always, with watched ones that send files in large pieces."""
        super().init_poolmanager(*args, **kwargs, blocksize=_PIECE)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401 - handed through
        """Make the manager of a proxy's connections as always, with watched ones; SOCKS brings its own kind."""
        manager = super().proxy_manager_for(proxy, **kwargs, blocksize=_PIECE)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(granted: threading.local, trust: Trust) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Plain(urllib3.connection.HTTPConnection):
        def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 has it
            with _watched(self.sock, granted.seconds):
                return super().getresponse()

    class Secure(urllib3.connection.HTTPSConnection):
        def connect(self) -> None:
            # A proxy that speaks TLS itself is shown the same authorities: `urllib3` must read them for it.
            if self.ssl_context is None and not self.cert_file and (self.proxy is None or self.proxy.scheme == "http"):
                self.ssl_context = trust.context(self.ca_certs, self.ca_cert_dir)
                if self.ssl_context is not None:
                    self.ca_certs = self.ca_cert_dir = None
            super().connect()

        def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 has it
            with _watched(self.sock, granted.seconds):
                return super().getresponse()

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


@contextlib.contextmanager
def _watched(sock: socket.socket, seconds: float) -> Iterator[None]:
    deadline = Deadline(seconds, lambda: sock.shutdown(socket.SHUT_RDWR))
    try:
        yield
    except Exception:
        if deadline.over:
            raise TimeoutError from None
        raise
    finally:
        deadline.cancel()
