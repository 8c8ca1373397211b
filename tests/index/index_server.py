"""A real index on this machine: the simple API in JSON or HTML, `.metadata`, ranges, and switches for its faults."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

_CREDENTIALS = frozenset({"Authorization", "Proxy-Authorization", "Cookie"})
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(kw_only=True)
class Behaviour:
    """How the index serves. Everything may be changed while it runs.

    Attributes:
        announce: whether pages carry `core-metadata` hashes.
        metadata: whether `.metadata` is served; else 404.
        ranges: whether `Range` is obeyed; else the whole file is sent.
        sizes: whether pages carry PEP 700's `size` and `upload-time`.
        html: only HTML pages are served.
        statuses: answers by path, instead of the real ones.
        bodies: bodies by path, instead of the real ones, with their media type.
        hanging: paths that get no answer until the server is closed.
        total: whether `Content-Range` tells the whole length.
        file_fields: more fields of files, by file name.
        page_fields: more fields of pages.
    """

    announce: bool = False
    metadata: bool = True
    ranges: bool = True
    sizes: bool = True
    html: bool = False
    total: bool = True
    statuses: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    file_fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    page_fields: dict[str, Any] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away, and all of what else goes wrong."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class IndexServer:
    """Serves the files of projects; `asked` is every request's path and range in order, `credentials` all that came."""

    def __init__(self) -> None:
        """Begin with no project."""
        self.behaviour = Behaviour()
        self.asked: list[tuple[str, str]] = []
        self.credentials: list[str] = []
        self._projects: dict[str, dict[str, bytes]] = {}
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving, and let go what hangs."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def root(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address of the simple API."""
        return f"{self.root}/simple/"

    def publish(self, project: str, filename: str, data: bytes) -> str:
        """Add or replace a file and return its path on the server."""
        self._projects.setdefault(project, {})[filename] = data
        return f"/files/{project}/{filename}"

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [path for path, _ in self.asked]

    def answer(self, path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body for a path and a `Range` header."""
        self.asked.append((path, wanted))
        behaviour = self.behaviour
        if path in behaviour.hanging:
            self._closing.wait()
        if path in behaviour.statuses:
            return behaviour.statuses[path], {}, b""
        if path in behaviour.bodies:
            media_type, body = behaviour.bodies[path]
            return 200, {"Content-Type": media_type}, body
        parts = path.strip("/").split("/")
        if parts[0] == "simple" and len(parts) == 2 and parts[1] in self._projects:
            return self._page(parts[1])
        if parts[0] == "files" and len(parts) == 3:
            return self._file(parts[1], parts[2], wanted)
        return 404, {}, b""

    def _page(self, project: str) -> tuple[int, dict[str, str], bytes]:
        files = self._projects[project]
        if self.behaviour.html:
            links = "".join(
                f'<a href="/files/{project}/{name}#sha256={_sha256(data)}">{name}</a>\n' for name, data in files.items()
            )
            return 200, {"Content-Type": "text/html; charset=utf-8"}, f"<!DOCTYPE html><body>{links}</body>".encode()
        page = {
            "meta": {"api-version": "1.1"},
            "name": project,
            "files": [self._entry(project, name, data) for name, data in files.items()],
        }
        body = json.dumps(page | self.behaviour.page_fields).encode()
        return 200, {"Content-Type": "application/vnd.pypi.simple.v1+json"}, body

    def _entry(self, project: str, name: str, data: bytes) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "filename": name,
            "url": f"{self.root}/files/{project}/{name}",
            "hashes": {"sha256": _sha256(data)},
            "yanked": False,
        }
        if self.behaviour.sizes:
            entry |= {"size": len(data), "upload-time": "2026-01-02T03:04:05.000006Z"}
        if self.behaviour.announce and name.endswith(".whl"):
            entry["core-metadata"] = {"sha256": _sha256(metadata_of(data))}
        return entry | self.behaviour.file_fields.get(name, {})

    def _file(self, project: str, name: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        files = self._projects.get(project, {})
        if name.endswith(".metadata") and name.removesuffix(".metadata") in files and self.behaviour.metadata:
            return 200, {}, metadata_of(files[name.removesuffix(".metadata")])
        if name not in files:
            return 404, {}, b""
        data = files[name]
        match = _RANGE.fullmatch(wanted)
        if match is None or not self.behaviour.ranges:
            return 200, {}, data
        start, stop = _span(match[1], match[2], len(data))
        if start >= len(data):
            return 416, {}, b""
        total = len(data) if self.behaviour.total else "*"
        return 206, {"Content-Range": f"bytes {start}-{stop - 1}/{total}"}, data[start:stop]


def metadata_of(data: bytes) -> bytes:
    """Return the METADATA of a wheel."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _handler(index: IndexServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index.credentials += [value for name, value in self.headers.items() if name in _CREDENTIALS]
            status, headers, body = index.answer(self.path, self.headers.get("Range", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives
            """Say nothing."""

    return Handler
