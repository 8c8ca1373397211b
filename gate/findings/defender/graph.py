"""Azure Resource Graph: one question, every page of its answer or an error.

Source: Microsoft's REST reference for `Microsoft.ResourceGraph/resources` and its guidance for throttled requests. What
a page leaves out can't be seen in it, so each page is held to what the answer says of itself: the count, the total,
the token, and that no row comes twice (a page served twice hides another one).
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

from gate.errors import BoundError, ThrottledUpstreamError, UpstreamError
from gate.http.answer import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gate.bounds import DefenderBounds
    from gate.findings.defender.arm import Arm
    from gate.http.answer import Answer

PATH = "providers/Microsoft.ResourceGraph/resources"
API_VERSION = "2022-10-01"
Row = dict[str, Any]

_REMAINING, _RESETS = "x-ms-user-quota-remaining", "x-ms-user-quota-resets-after"
_PARTIAL_SCOPE = "x-ms-tenant-subscription-limit-hit"
_CLOCK = re.compile(r"(?P<hours>\d{1,2}):(?P<minutes>\d{2}):(?P<seconds>\d{2})(?:\.\d+)?", re.ASCII)


class Graph:
    """Asks Resource Graph, and rests when its quota is used up. Shared by all threads of a process."""

    def __init__(
        self,
        arm: Arm,
        bounds: DefenderBounds,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use the client; `sleep` and `clock` are for tests (seconds, monotonic)."""
        self._arm = arm
        self._bounds = bounds
        self._sleep = sleep
        self._clock = clock
        self._rest_until = 0.0
        self._lock = threading.Lock()
        self.asked = 0
        """How many questions went out, pages included."""

    def rows(self, query: str, subscriptions: Sequence[str], *, key: str = "id") -> Iterator[list[Row]]:
        """Yield the answer's rows, a page at a time. Whoever stops early, or is raised at, has no answer at all.

        Args:
            query: the question; nothing in it may come from outside unchecked, for KQL has no parameters here.
            subscriptions: where to look.
            key: what tells the rows apart.

        Raises:
            UpstreamError: `graph_partial`, if the answer is not whole by its own word; `azure_answer_unreadable`.
            ThrottledUpstreamError: the quota comes back later than the bound allows to wait.
            BoundError: `too_many_rows`.
        """
        token, seen, total, ids = "", 0, -1, set[int]()
        for _ in range(self._bounds.pages):
            page = self._page(query, subscriptions, token)
            seen += len(page.rows)
            if total not in {-1, page.total}:
                raise _partial(why=f"its total changed from {total} to {page.total} between two pages")
            total = page.total
            if seen > min(total, self._bounds.rows):
                raise self._too_many(seen, total)
            _distinct(page.rows, key, ids)
            yield page.rows
            if not page.token:
                if seen != total:
                    raise _partial(why=f"{seen} of {total} rows came")
                return
            if not page.rows:
                raise _partial(why="an empty page leads on")
            token = page.token
        raise _partial(why=f"it has more than {self._bounds.pages} pages")

    def _too_many(self, seen: int, total: int) -> Exception:
        if seen > total:
            return _partial(why=f"{seen} rows came of {total}")
        message = f"Resource Graph has more than {self._bounds.rows} rows for one question"
        return BoundError(message, code="too_many_rows", hint="raise the bound if this is expected")

    def _page(self, query: str, subscriptions: Sequence[str], token: str) -> _Page:
        self._rest()
        options = {"$top": self._bounds.page_rows, "resultFormat": "objectArray", "allowPartialScopes": False}
        if token:
            options["$skipToken"] = token
        body = {"subscriptions": list(subscriptions), "query": query, "options": options}
        answer = self._arm.post(PATH, API_VERSION, body)
        self.asked += 1
        self._note(answer.headers)
        return _Page(answer)

    def _note(self, headers: Mapping[str, str]) -> None:
        if headers.get(_REMAINING, "").strip() != "0":
            return
        match = _CLOCK.fullmatch(headers.get(_RESETS, "").strip())
        # A quota that is used up and does not say until when: the documented window is five seconds.
        seconds = 5.0 if match is None else _seconds(match)
        with self._lock:
            self._rest_until = max(self._rest_until, self._clock() + seconds)

    def _rest(self) -> None:
        with self._lock:
            left = self._rest_until - self._clock()
        if left > self._bounds.wait:
            message = f"Resource Graph's quota is used up for another {left:.0f} seconds"
            raise ThrottledUpstreamError(message, hint="try again later")
        if left > 0:
            self._sleep(left)


class _Page:
    """One page, held to what it says of itself."""

    def __init__(self, answer: Answer) -> None:
        if answer.headers.get(_PARTIAL_SCOPE, "").strip().lower() == "true":
            message = "not every subscription was looked at"
            raise _partial(message)
        match parse_json(answer.body, answer.url):
            case {
                "totalRecords": int(total),
                "count": int(count),
                "resultTruncated": str(cut),
                "data": [*data],
                **rest,
            }:
                pass
            case _:
                message = "Resource Graph answered something that is no page of rows"
                raise UpstreamError(message, code="azure_answer_unreadable")
        token = rest.get("$skipToken") or ""
        if not isinstance(token, str) or not all(isinstance(row, dict) for row in data):
            message = "Resource Graph answered a page that can't be read"
            raise UpstreamError(message, code="azure_answer_unreadable")
        if count != len(data):
            message = f"a page announces {count} rows and has {len(data)}"
            raise _partial(message)
        if cut.lower() != "false" and not token:
            message = "a page was cut and does not say where it goes on"
            raise _partial(message)
        self.rows: list[Row] = data
        self.total = total
        self.token = token


def _distinct(rows: Sequence[Row], key: str, ids: set[int]) -> None:
    """Refuse a row that came before. The set holds hashes alone: a hundred thousand ids are long."""
    for row in rows:
        name = hash(str(row.get(key, "")).lower())
        if name in ids:
            message = "a row came twice, so that another may be missing"
            raise _partial(message)
        ids.add(name)


def _partial(why: str) -> UpstreamError:
    return UpstreamError(f"Resource Graph's answer is not whole: {why}", code="graph_partial", hint="try again later")


def _seconds(match: re.Match[str]) -> float:
    return float(int(match["hours"]) * 3600 + int(match["minutes"]) * 60 + int(match["seconds"]))
