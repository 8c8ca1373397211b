"""The resolver's only way out: a relay on this machine that hands on pages of the indexes, and lets files through.

The resolver is told that the relay is its index and its proxy. So what it can ask is what the relay lets it: pages of
the indexes that policy names, and files at the places that those pages name. Everything else is refused and noted.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from gate.errors import UpstreamError
from gate.resolve.tunnel import Tunnels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from gate.resolve.pages import Pages, Served
    from gate.resolve.settings import ResolveConfig

_USER = "gate"
_REFUSED = 403
_BAD_GATEWAY = 502
_BACKLOG = 128
_TURN = 0.0005
_SILENCE = 60.0
"""Seconds after which a connection on which nothing is asked is closed."""


class _Server(ThreadingHTTPServer):
    request_queue_size = _BACKLOG
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a resolver that ends, or is stopped, cuts its connections."""


class Relay:
    """Listens on a free port of the loopback, for one resolution. A word that only the resolver knows opens it."""

    def __init__(
        self,
        names: Sequence[str],
        pages: Callable[[], Pages],
        config: ResolveConfig,
        places: frozenset[tuple[str, int]] = frozenset(),
    ) -> None:
        """Stand for the indexes of these names, and let through to `places` beside those that their pages name.

        `pages` is asked for when the resolver asks, not before.
        """
        self.names = tuple(names)
        self.refused: list[str] = []
        self._pages = pages
        self._word = secrets.token_urlsafe(24)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._tunnels = Tunnels(config)
        self._places = places
        self._hosts = frozenset(config.file_hosts)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._switching = sys.getswitchinterval()
        # The resolver waits for each small answer; five milliseconds for a turn are longer than the network takes.
        sys.setswitchinterval(_TURN)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port and every tunnel."""
        sys.setswitchinterval(self._switching)
        self._server.shutdown()
        self._server.server_close()
        self._tunnels.close()
        self._thread.join()

    @property
    def pages(self) -> Pages:
        """What the indexes answered."""
        return self._pages()

    @property
    def _port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def proxy(self) -> str:
        """The address that the resolver takes for its proxy."""
        return f"http://{_USER}:{self._word}@127.0.0.1:{self._port}"

    @property
    def indexes(self) -> tuple[str, ...]:
        """The addresses that the resolver takes for its indexes, in order."""
        return tuple(f"http://127.0.0.1:{self._port}/{self._word}/{place}" for place in range(len(self.names)))

    def knows(self, credentials: str) -> bool:
        """Say whether `Proxy-Authorization` holds the word."""
        wanted = "Basic " + base64.b64encode(f"{_USER}:{self._word}".encode()).decode()
        return hmac.compare_digest(credentials.encode(), wanted.encode())

    def page(self, path: str) -> Served | None:
        """Return the page that a path of the relay's own names; None if the path names none."""
        parts = path.strip("/").split("/")
        if len(parts) != 3 or not hmac.compare_digest(parts[0].encode(), self._word.encode()):  # noqa: PLR2004 - word, index, project
            return None
        if not parts[1].isascii() or not parts[1].isdigit() or int(parts[1]) >= len(self.names):
            return None
        return self.pages.serve(int(parts[1]), parts[2])

    def own(self, host: str | None, port: int) -> bool:
        """Say whether an address is the relay's own."""
        return host == "127.0.0.1" and port == self._port

    def open_to(self, host: str, port: int) -> bool:
        """Say whether files may be read there; note it if not."""
        known = (host, port) in self._places or f"{host}:{port}" in self._hosts
        if known or self.pages.names_place(host, port):
            return True
        self.refused.append(f"{host}:{port}"[:200])
        return False

    def tunnel(self, handler: BaseHTTPRequestHandler, host: str, port: int) -> None:
        """Carry bytes both ways until one side ends.

        Raises:
            UpstreamError: the place can't be reached.
        """
        self._tunnels.carry(handler.connection, host, port)


def places_of(addresses: Iterable[str]) -> frozenset[tuple[str, int]]:
    """Return host and port of each address."""
    from gate.http.address import origin_of  # noqa: PLC0415 - its package takes a while to import

    origins = [origin_of(address) for address in addresses]
    return frozenset((origin.host.lower(), origin.port) for origin in origins)


def _handler(relay: Relay) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        owner = relay

    return Handler


class _Handler(BaseHTTPRequestHandler):
    owner: Relay
    protocol_version = "HTTP/1.1"
    timeout = _SILENCE
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Hand on a page, or a file at a place that pages name."""
        try:
            url = urlsplit(self.path)
            host, port = (url.hostname or "").lower(), url.port or 80
        except ValueError:
            self._answer(400, {}, b"")
            return
        if self.path.startswith("/") or self.owner.own(host, port):
            served = self.owner.page(url.path)
            if served is None:
                self._answer(_REFUSED, {}, b"")
            else:
                # Nothing is asked twice in one resolution, and nothing is kept beyond it.
                headers = {"Content-Type": served.media_type, "Cache-Control": "no-store"}
                self._answer(served.status, headers, served.body)
        elif url.scheme == "http" and self._trusted() and self.owner.open_to(host, port):
            self._answer(*self.owner.pages.fetch(self.command, self.path, self.headers.get("Range", "")))
        else:
            self._answer(_REFUSED, {}, b"")

    do_HEAD = do_GET  # noqa: N815 - the name that http.server gives

    def do_CONNECT(self) -> None:
        """Open a tunnel to a place of files."""
        self.close_connection = True
        host, _, port = self.path.rpartition(":")
        host = host.strip("[]").lower()
        if not self._trusted() or not port.isascii() or not port.isdigit() or not self.owner.open_to(host, int(port)):
            self._answer(_REFUSED, {}, b"")
            return
        try:
            self.owner.tunnel(self, host, int(port))
        except UpstreamError as error:
            self._answer(_BAD_GATEWAY, {}, error.error_code.encode())

    def _trusted(self) -> bool:
        return self.owner.knows(self.headers.get("Proxy-Authorization", ""))

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | dict(headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives
        """Say nothing."""
