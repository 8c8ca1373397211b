"""Carry bytes between the resolver and a place of files, unread: the resolver itself checks who is at the other end."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from gate.errors import TimeoutUpstreamError, UpstreamError

if TYPE_CHECKING:
    from gate.resolve.settings import ResolveConfig

_CHUNK = 64 * 1024
_LOOK = 1.0
_HEAD_BYTES = 16 * 1024
_OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Tunnels:
    """All tunnels of one resolution, within one bound of bytes and one of time."""

    def __init__(self, config: ResolveConfig) -> None:
        """Carry no more than the bounds say."""
        self._left = config.bounds.tunnel_bytes
        self._until = time.monotonic() + config.bounds.seconds
        self._connect = config.http.connect
        self._closing = threading.Event()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let every tunnel end."""
        self._closing.set()

    def carry(self, inner: socket.socket, host: str, port: int) -> None:
        """Connect, say so to the resolver, and carry until one side ends.

        Raises:
            UpstreamError: the place can't be reached.
        """
        with contextlib.closing(self._reach(host, port)) as outer:
            # Requests are small, and held back until the last one is acknowledged they cost a round trip more.
            outer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            inner.sendall(_OPENED)
            with contextlib.suppress(OSError):
                self._carry(inner, outer)

    def _carry(self, inner: socket.socket, outer: socket.socket) -> None:
        other = {inner: outer, outer: inner}
        while not self._closing.is_set() and time.monotonic() < self._until:
            ready, _, _ = select.select([inner, outer], [], [], _LOOK)
            for side in ready:
                data = side.recv(_CHUNK)
                if not data or not self._room(len(data)):
                    return
                other[side].sendall(data)

    def _room(self, size: int) -> bool:
        with self._lock:
            self._left -= size
            return self._left >= 0

    def _reach(self, host: str, port: int) -> socket.socket:
        proxy = "" if proxy_bypass(host) else getproxies().get("https", "")
        try:
            if not proxy:
                return socket.create_connection((host, port), self._connect)
            return _through(proxy, host, port, self._connect)
        except TimeoutError as error:
            message = f"`{host}` did not answer in time"
            raise TimeoutUpstreamError(message, hint="try again", host=host) from error
        except (OSError, ValueError) as error:
            message = f"`{host}` can't be reached"
            raise UpstreamError(message, hint="check the network and the proxy", host=host) from error


def _through(proxy: str, host: str, port: int, timeout: float) -> socket.socket:
    """Ask the machine's own proxy for a tunnel.

    Raises:
        ValueError: it is of another kind, refuses, or answers without end.
    """
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http" or not parts.hostname:
        message = "only plain HTTP proxies can be asked for a tunnel"
        raise ValueError(message)
    outer = socket.create_connection((parts.hostname, parts.port or 80), timeout)
    try:
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        head = f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n"
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            head += f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
        outer.sendall(f"{head}\r\n".encode())
        _opened(outer)
    except BaseException:
        outer.close()
        raise
    return outer


def _opened(outer: socket.socket) -> None:
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        data = outer.recv(1) if len(answer) < _HEAD_BYTES else b""
        if not data:
            message = "the proxy's answer does not end"
            raise ValueError(message)
        answer += data
    if answer.split(b" ", 2)[1:2] != [b"200"]:
        message = "the proxy refuses the tunnel"
        raise ValueError(message)
