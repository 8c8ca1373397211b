"""The index as one run asks it: each project once, and no more when it clearly does not answer."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from packaging.utils import canonicalize_name

from gate.errors import ThrottledUpstreamError, TimeoutUpstreamError, UpstreamError
from gate.http.translate import UNREACHABLE
from gate.origin.kept import KeptIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gate.bounds import WheelBounds
    from gate.index.facts import WheelFacts
    from gate.index.project import IndexFile, NoSuchProject, Project
    from gate.origin.interface import Index

T = TypeVar("T")

_PATIENCE = 4


class Desk:
    """Asks one index for one run. Safe between threads.

    After some failures in a row, with nothing in between that worked, the rest of the run is answered at once with
    the same failure: an index that is down must cost minutes, not hours.
    """

    def __init__(self, index: Index, *, reserved: Iterable[str] = ()) -> None:
        """Ask `index` for everything but `reserved` names (exact, or a prefix that ends in `*`), which are private."""
        self.name = index.name
        self.bounds: WheelBounds = index.bounds
        self.told = {"answers": "kept"} if isinstance(index, KeptIndex) and index.offline else {}
        self._index = index
        self._reserved = tuple((canonicalize_name(entry.rstrip("*")), entry.endswith("*")) for entry in reserved)
        self._lock = threading.Lock()
        self._projects: dict[str, Future[Project | NoSuchProject]] = {}
        self._failures = 0

    def is_reserved(self, name: str) -> bool:
        """Say whether the name is private and must not be sent to the index."""
        name = canonicalize_name(name)
        return any(name == stem or (prefix and name.startswith(stem)) for stem, prefix in self._reserved)

    def project(self, name: str) -> Project | NoSuchProject:
        """Return what the index has under the name, the same answer through the whole run; errors as the index."""
        name = canonicalize_name(name)
        with self._lock:
            future = self._projects.get(name)
            first = future is None
            if future is None:
                future = self._projects[name] = Future()
        if first:
            try:
                future.set_result(self._asked(lambda: self._index.project(name)))
            except BaseException as error:  # noqa: BLE001 - whoever waits for the answer gets the same error
                future.set_exception(error)
        return future.result()

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel; errors as the index."""
        return self._asked(lambda: self._index.metadata(file))

    def wheel(self, file: IndexFile) -> WheelFacts:
        """Return what a wheel holds; errors as the index."""
        return self._asked(lambda: self._index.wheel(file))

    def _asked(self, question: Callable[[], T]) -> T:
        if self._failures >= _PATIENCE:
            message = f"the index `{self.name}` failed {_PATIENCE} times in a row and was not asked again"
            raise UpstreamError(message, hint="try again when it answers", code="index_given_up")
        try:
            answer = question()
        except UpstreamError as error:
            if _is_silent(error):
                with self._lock:
                    self._failures += 1
            raise
        self._failures = 0
        return answer


def _is_silent(error: UpstreamError) -> bool:
    """Say whether the index did not answer at all, and not just in a way that is refused."""
    unreachable = isinstance(error, (TimeoutUpstreamError, ThrottledUpstreamError)) or error.error_code == UNREACHABLE
    return unreachable or error.facts.get("status", "").startswith("5")
