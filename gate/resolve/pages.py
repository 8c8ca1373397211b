"""The project pages of a resolution: asked of the index once, handed to the resolver, and read for facts afterwards."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.utils import InvalidName, canonicalize_name

from gate.errors import BoundError, GateError, UpstreamError
from gate.http.address import is_loopback, origin_of, show
from gate.index.page import JSON, read_page
from gate.resolve.entries import Read, begins, only_version, place_of, read_through, rewritten, with_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gate.http.answer import Answer
    from gate.http.client import HttpClient
    from gate.index.project import Project
    from gate.resolve.settings import ResolveBounds

_ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.5, text/html;q=0.1"
_HANDED_ON = ("Content-Range", "Accept-Ranges", "Location", "ETag", "Last-Modified")
_GONE = frozenset({404, 410})


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
    read: dict[tuple[int, str], Future[Read | None]] = field(default_factory=dict)
    unread: list[tuple[int, str]] = field(default_factory=list)
    expected: dict[tuple[int, str], Future[Answer]] = field(default_factory=dict)
    places: set[tuple[str, int]] = field(default_factory=set)
    failures: list[GateError] = field(default_factory=list)
    withheld: set[str] = field(default_factory=set)
    asked: int = 0
    received: int = 0
    serving: int = 0


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
        # While the resolver waits for its files, one thread reads what came: facts then cost next to nothing.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="gate-pages")
        self._asker = ThreadPoolExecutor(bounds.connections, thread_name_prefix="gate-expected")

    def close(self) -> None:
        """Read no more, and close all connections."""
        self._reader.shutdown(wait=False, cancel_futures=True)
        self._asker.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def expect(self, names: Iterable[str]) -> None:
        """Ask the first index for these projects already, while the resolver starts: it will ask for them first."""
        for name in list(dict.fromkeys(names))[: self._bounds.connections]:
            if self.indexes and not self._withheld(0, name):
                self._kept.expected[0, name] = self._asker.submit(self._ask, 0, name)

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
        with self._lock:
            self._kept.serving += 1
        try:
            return self._serve(place, project)
        except GateError as error:
            with self._lock:
                self._kept.failures.append(error)
            return Served(status=400, media_type="text/plain", body=error.error_code.encode())
        finally:
            with self._lock:
                self._kept.serving -= 1
                if not self._kept.serving:
                    self._read()

    def _read(self) -> None:
        """Begin to read what came: not before the resolver has what it asked for, which it waits for."""
        for key in self._kept.unread:
            self._kept.read[key] = self._reader.submit(read_through, self._kept.pages[key].body)
        self._kept.unread.clear()

    def _withheld(self, place: int, name: str) -> bool:
        return self._is_private(name) and not self.indexes[place].private

    def _serve(self, place: int, project: str) -> Served:
        try:
            name = canonicalize_name(project, validate=True)
        except InvalidName:
            return Served(status=404, media_type="text/plain", body=b"")
        if self._withheld(place, name):
            with self._lock:
                self._kept.withheld.add(name)
            return Served(status=404, media_type="text/plain", body=b"")
        self._count()
        expected = self._kept.expected.pop((place, name), None)
        answer = self._ask(place, name) if expected is None else expected.result()
        if answer.status in _GONE:
            return Served(status=404, media_type="text/plain", body=b"")
        return self._keep((place, name), answer)

    def _ask(self, place: int, name: str) -> Answer:
        headers = {"Accept": _ACCEPT, "Accept-Encoding": "gzip"}
        url, limit = self.indexes[place].page(name), self._bounds.page_bytes
        with self._turn:
            return self._http.get_bytes(url, headers=headers, accept=_GONE, limit=limit)

    def _count(self) -> None:
        with self._lock:
            self._kept.asked += 1
            if self._kept.asked > self._bounds.pages:
                message = f"the resolver wants more than {self._bounds.pages} project pages"
                raise BoundError(message, hint="resolve fewer things at once", code="too_many_pages")

    def _keep(self, key: tuple[int, str], answer: Answer) -> Served:
        media_type = answer.headers.get("Content-Type", "")
        found = begins(answer.body)
        if media_type.partition(";")[0].strip().lower() != JSON or b"" in found:
            answer = rewritten(answer, key[1])
            found = begins(answer.body)
        places = {place for begin in found if (place := place_of(begin.decode("latin-1")))}
        inward = {place for place in places if is_loopback(place[0])}
        if not is_loopback(origin_of(answer.url).host) and inward:
            message = f"`{show(answer.url)}` names files on this very machine"
            raise UpstreamError(message, code="index_inward", url=show(answer.url))
        with self._lock:
            self._kept.places |= places
            self._kept.pages[key] = answer
            self._kept.unread.append(key)
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
        with self._lock:
            self._read()
        for key, answer in self._kept.pages.items():
            page = self._kept.read[key].result()
            read_page(answer if page is None else with_files(answer, page.said, []), key[1])

    def found(self, project: str, version: str) -> tuple[IndexAddress, Project] | None:
        """Return the index that a package came from (the first that has it), with the version's files.

        Raises:
            UpstreamError: the page is none.
        """
        for place, index in enumerate(self.indexes):
            answer = self._kept.pages.get((place, project))
            if answer is not None:
                return index, read_page(
                    only_version(answer, self._kept.read[place, project].result(), version), project
                )
        return None

    def without_wheels(self) -> tuple[str, ...]:
        """Name the projects that were looked at and have no wheel at all, sorted."""
        return tuple(sorted({name for (_, name), page in self._kept.pages.items() if b".whl" not in page.body}))
