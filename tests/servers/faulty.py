"""A server that misbehaves as it is told: statuses, redirects, cut, endless and silent bodies, one script a path."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_POLL = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One scripted answer.

    Attributes:
        cut: announce the whole body, send so many bytes of it, and close.
        hang: send so many bytes of the body and then nothing, until the server ends.
        mute: accept the request and send not even a status line.
        endless: send the body again and again, without a length, until the client goes away.
        drop: close the connection without an answer.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    hang: int | None = None
    mute: bool = False
    endless: bool = False
    drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class FaultyServer:
    """Answers what its script says; what it has no script for is 404 with an empty body."""

    def __init__(self) -> None:
        """Start with an empty script."""
        self.host = ""
        self.seen: list[Seen] = []
        self.ending = threading.Event()
        self._script: dict[tuple[str, str], list[Reply]] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end."""
        return f"http://{self.host}"

    def on(self, path: str, *replies: Reply, method: str = "GET") -> str:
        """Script a path (its query is ignored): the replies in turn, the last for ever. Returns its address."""
        with self._lock:
            self._script[method, path] = list(replies)
        return self.url + path

    def requests(self, path: str) -> list[Seen]:
        """Return the requests of a path, in order."""
        with self._lock:
            return [seen for seen in self.seen if seen.path.partition("?")[0] == path]

    def take(self, seen: Seen) -> Reply:
        """Keep the request and return the reply that is due."""
        with self._lock:
            self.seen.append(seen)
            replies = self._script.get((seen.method, seen.path.partition("?")[0]), [Reply(status=404)])
            return replies.pop(0) if len(replies) > 1 else replies[0]


@contextlib.contextmanager
def faulty_server(address: str = "127.0.0.1") -> Iterator[FaultyServer]:
    """Run a scripted server on a free port of this machine."""
    server = _Server((address, 0), _Handler)
    server.script.host = f"{address}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(_POLL,), daemon=True)
    thread.start()
    try:
        yield server.script
    finally:
        server.script.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # An idle connection that a client keeps open must not hold up the end.
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.script = FaultyServer()
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: clients of these tests go away in the middle, and mean it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        script = self.server.script
        reply = script.take(Seen(method=self.command, path=self.path, headers=headers, body=body))
        if reply.mute:
            script.ending.wait()
        if reply.mute or reply.drop:
            self.close_connection = True
            return
        self._head(reply)
        if self.command != "HEAD":
            self._body(reply, script.ending)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's names

    def _head(self, reply: Reply) -> None:
        names = {name.lower() for name in reply.headers}
        self.send_response_only(reply.status)
        if "date" not in names:
            self.send_header("Date", self.date_time_string())
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if not reply.endless and not names & {"content-length", "transfer-encoding"}:
            self.send_header("Content-Length", str(len(reply.body)))
        if reply.endless or reply.cut is not None or reply.hang is not None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def _body(self, reply: Reply, ending: threading.Event) -> None:
        while reply.endless and not ending.is_set():
            self.wfile.write(reply.body)
        stop = reply.cut if reply.cut is not None else reply.hang
        self.wfile.write(reply.body if stop is None else reply.body[:stop])
        if reply.hang is not None:
            self.wfile.flush()
            ending.wait()

    def log_message(self, *args: object) -> None:
        del args
