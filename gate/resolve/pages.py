"""The project pages of a resolution: asked of the index once, handed to the resolver, and read for facts afterwards."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from packaging.utils import InvalidName, canonicalize_name
from pydantic_core import from_json

from gate.errors import BoundError, GateError, UpstreamError
from gate.http.address import is_loopback, origin_of, show
from gate.http.answer import Answer
from gate.index.page import JSON, read_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.http.client import HttpClient
    from gate.index.project import IndexFile, Project
    from gate.resolve.settings import ResolveBounds

_ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.5, text/html;q=0.1"
_HANDED_ON = ("Content-Range", "Accept-Ranges", "Location", "ETag", "Last-Modified")
_GONE = frozenset({404, 410})
_PLACE = re.compile(rb'"url"\s*:\s*"(https?://[^/"\\?#]+(?=/)|)')
"""The place that each file's address begins with; empty for one that is relative, or spelled in an odd way."""

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_ZEROS = re.compile(r"(?:\.0+)+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexAddress:
    """One index: its name in policy, where it is reached (perhaps with credentials), whether private names may go."""

    name: str
    url: str
    private: bool = False

    def page(self, project: str) -> str:
        """Return the address of a project's page."""
        return f"{self.url.rstrip('/')}/{project}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A page as it is handed to the resolver."""

    status: int
    media_type: str
    body: bytes


@dataclass(slots=True)
class _Kept:
    pages: dict[tuple[int, str], Answer] = field(default_factory=dict)
    read: dict[tuple[int, str], Future[dict[str, Any] | None]] = field(default_factory=dict)
    places: set[tuple[str, int]] = field(default_factory=set)
    failures: list[GateError] = field(default_factory=list)
    withheld: set[str] = field(default_factory=set)
    asked: int = 0
    received: int = 0


class Pages:
    """Asks the indexes of one resolution for pages, and keeps them. Safe between threads.

    What the resolver saw is what facts are read from: no second look-up could tell another story.
    """

    def __init__(
        self,
        http: HttpClient,
        indexes: tuple[IndexAddress, ...],
        is_private: Callable[[str], bool],
        bounds: ResolveBounds,
    ) -> None:
        """Ask `indexes` for everything but private names, which go to those alone that may have them."""
        self.indexes = indexes
        self._http = http
        self._is_private = is_private
        self._bounds = bounds
        self._turn = threading.Semaphore(bounds.connections)
        self._lock = threading.Lock()
        self._kept = _Kept()
        # While the resolver waits for the network, one thread reads what came: facts then cost next to nothing.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="gate-pages")

    def close(self) -> None:
        """Read no more, and close all connections."""
        self._reader.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    @property
    def failures(self) -> tuple[GateError, ...]:
        """What went wrong, in order."""
        return tuple(self._kept.failures)

    @property
    def withheld(self) -> tuple[str, ...]:
        """Private names that the resolver wanted of an index that must not hear of them, sorted."""
        return tuple(sorted(self._kept.withheld))

    def names_place(self, host: str, port: int) -> bool:
        """Say whether a page named files at that place."""
        return (host.lower(), port) in self._kept.places

    def serve(self, place: int, project: str) -> Served:
        """Return the page of a project from one index; what goes wrong is kept, and answered as a refusal."""
        try:
            return self._serve(place, project)
        except GateError as error:
            with self._lock:
                self._kept.failures.append(error)
            return Served(status=400, media_type="text/plain", body=error.error_code.encode())

    def _serve(self, place: int, project: str) -> Served:
        try:
            name = canonicalize_name(project, validate=True)
        except InvalidName:
            return Served(status=404, media_type="text/plain", body=b"")
        index = self.indexes[place]
        if self._is_private(name) and not index.private:
            with self._lock:
                self._kept.withheld.add(name)
            return Served(status=404, media_type="text/plain", body=b"")
        self._count()
        headers = {"Accept": _ACCEPT, "Accept-Encoding": "gzip"}
        with self._turn:
            answer = self._http.get_bytes(
                index.page(name), headers=headers, accept=_GONE, limit=self._bounds.page_bytes
            )
        if answer.status in _GONE:
            return Served(status=404, media_type="text/plain", body=b"")
        return self._keep((place, name), answer)

    def _count(self) -> None:
        with self._lock:
            self._kept.asked += 1
            if self._kept.asked > self._bounds.pages:
                message = f"the resolver wants more than {self._bounds.pages} project pages"
                raise BoundError(message, hint="resolve fewer things at once", code="too_many_pages")

    def _keep(self, key: tuple[int, str], answer: Answer) -> Served:
        media_type = answer.headers.get("Content-Type", "")
        begins = _begins(answer.body)
        if media_type.partition(";")[0].strip().lower() != JSON or b"" in begins:
            answer = _rewritten(answer, key[1])
            begins = _begins(answer.body)
        places = {found for begin in begins if (found := _place(begin.decode("latin-1")))}
        inward = {place for place in places if is_loopback(place[0])}
        if not is_loopback(origin_of(answer.url).host) and inward:
            message = f"`{show(answer.url)}` names files on this very machine"
            raise UpstreamError(message, code="index_inward", url=show(answer.url))
        with self._lock:
            self._kept.places |= places
            self._kept.pages[key] = answer
            self._kept.read[key] = self._reader.submit(_parsed, answer.body)
            self._kept.received += len(answer.body)
            if self._kept.received > self._bounds.pages_bytes:
                message = f"the project pages have more than {self._bounds.pages_bytes} bytes"
                raise BoundError(message, hint="resolve fewer things at once", code="pages_too_large")
        return Served(status=200, media_type=JSON, body=answer.body)

    def fetch(self, method: str, url: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        """Fetch a file that the resolver asks for in plain HTTP, or a range of it: status, headers, body."""
        headers = {"Range": wanted} if wanted else {}
        try:
            # No redirect is followed here: the resolver asks the relay again, which knows where it may go.
            answer = self._http.request(method, url, headers=headers, accept=range(300, 500))
        except GateError as error:
            return 400, {}, error.error_code.encode()
        kept = {name: value for name in _HANDED_ON if (value := answer.headers.get(name))}
        if method == "HEAD" and (length := answer.headers.get("Content-Length")):
            kept["Content-Length"] = length
        return answer.status, kept, answer.body

    def check(self) -> None:
        """Hold every page that was handed on to the standard: uv takes one that it can't read for no such project.

        Raises:
            UpstreamError: as `read_page`.
        """
        for (place, name), answer in self._kept.pages.items():
            page = self._kept.read[place, name].result()
            read_page(answer if page is None else _with_files(answer, page, []), name)

    def found(self, project: str, version: str) -> tuple[IndexAddress, Project] | None:
        """Return the index that a package came from (the first that has it), with the version's files.

        Raises:
            UpstreamError: the page is none.
        """
        for place, index in enumerate(self.indexes):
            answer = self._kept.pages.get((place, project))
            if answer is not None:
                return index, read_page(_only(answer, self._kept.read[place, project].result(), version), project)
        return None

    def without_wheels(self) -> tuple[str, ...]:
        """Name the projects that were looked at and have no wheel at all, sorted."""
        return tuple(sorted({name for (_, name), page in self._kept.pages.items() if b".whl" not in page.body}))


def _begins(body: bytes) -> set[bytes]:
    """Return what the addresses of a page's files begin with; counting is much faster than finding each."""
    first = _PLACE.search(body)
    if first is None:
        return set()
    key = first[0][: first.start(1) - first.start()]
    alike = bool(first[1]) and body.count(b'"url"') == body.count(key + first[1] + b"/")
    return {first[1]} if alike else set(_PLACE.findall(body))


def _place(address: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    return ((parts.hostname or "").lower(), port or (443 if parts.scheme == "https" else 80))


def _rewritten(answer: Answer, name: str) -> Answer:
    """Return the page as JSON with whole addresses: the resolver gets it from another place than the index."""
    project = read_page(answer, name)
    page = {
        "meta": {"api-version": "1.1"},
        "name": name,
        "files": [_entry(file) for file in project.files],
        "project-status": {"status": project.status, "reason": project.status_reason} if project.status else {},
    }
    # A header of our own: what is kept is the page that was handed on.
    return Answer(url=answer.url, status=200, headers={"Content-Type": JSON}, body=json.dumps(page).encode())


def _entry(file: IndexFile) -> dict[str, object]:
    entry: dict[str, object] = {
        "filename": file.filename,
        "url": file.url.partition("#")[0],
        "hashes": {"sha256": file.sha256.removeprefix("sha256:")} if file.sha256 else {},
        "yanked": False if file.yanked is None else (file.yanked or True),
    }
    if file.requires_python:
        entry["requires-python"] = file.requires_python
    if file.size is not None:
        entry["size"] = file.size
    if file.upload_time is not None:
        entry["upload-time"] = file.upload_time.isoformat()
    if file.has_metadata:
        entry["core-metadata"] = {"sha256": file.metadata_sha256} if file.metadata_sha256 else True
    return entry


def _parsed(body: bytes) -> dict[str, Any] | None:
    """Return the page; None if it is no such page, which its reading for facts will then say."""
    try:
        page = from_json(body, cache_strings="keys")
    except ValueError:
        return None
    return page if isinstance(page, dict) and isinstance(page.get("files"), list) else None


def _only(answer: Answer, page: dict[str, Any] | None, version: str) -> Answer:
    """Return the page with the files that may be of one version: turning all of them into values takes far longer.

    A file that spells its version in a way of its own (`v1.0`, `01.0`) is left out, and then no file fits.
    """
    numbers = _NUMBERS.match(version)
    if page is None or numbers is None:
        return answer
    mark = "-" + _ZEROS.sub("", numbers[0])
    files = [file for file in page["files"] if not isinstance(file, dict) or mark in str(file.get("filename"))]
    return _with_files(answer, page, files)


def _with_files(answer: Answer, page: dict[str, Any], files: list[Any]) -> Answer:
    body = json.dumps(page | {"files": files}).encode()
    return Answer(url=answer.url, status=200, headers=answer.headers, body=body)
