"""Cut off servers that drip: the libraries bound the silence between two bytes, not how long a server may go on.

A status line, a header, a chunk's size or an endless row of `100 Continue` can be sent a byte at a time for days. So a
timer shuts the socket when the time for the exchange is over; what waits on it then fails at once.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import requests.adapters
import urllib3
import urllib3.connection


class Deadline:
    """A timer that runs `stop` once, in another thread, unless it is cancelled; `over` says whether it did."""

    def __init__(self, seconds: float, stop: Callable[[], object]) -> None:
        """Start counting."""
        self.over = False
        self._stop = stop
        self._timer = threading.Timer(max(seconds, 0.0), self._fire)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Stop counting; harmless if it is too late."""
        self._timer.cancel()

    def _fire(self) -> None:
        self.over = True
        # The connection may be gone by itself in this very moment.
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
            self._stop()


class WatchedAdapter(requests.adapters.HTTPAdapter):
    """An adapter whose connections give a status line and headers within the time that `within` grants."""

    def __init__(self) -> None:
        """Watch plain and TLS connections, direct ones and those through an HTTP proxy."""
        self._granted = threading.local()
        self._pools = _pools(self._granted)
        super().__init__()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Grant this thread's exchange so much time until its headers are there."""
        self._granted.seconds = seconds
        try:
            yield
        finally:
            del self._granted.seconds

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed through
        """Make the manager of direct connections as always, with watched ones."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401 - handed through
        """Make the manager of a proxy's connections as always, with watched ones; SOCKS brings its own kind."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(granted: threading.local) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Plain(urllib3.connection.HTTPConnection):
        def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 has it
            with _watched(self.sock, granted.seconds):
                return super().getresponse()

    class Secure(urllib3.connection.HTTPSConnection):
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
