"""One session, one set of bounds, one translation of failures for everything that the gate asks of servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from typing import TypedDict, TypeVar, Unpack

import requests

from gate import __version__
from gate.bounds import HttpBounds
from gate.errors import GateError, TimeoutUpstreamError, UpstreamError
from gate.http.address import show, strip_credentials
from gate.http.answer import Answer, RangeIgnored, RangePart, Stream, parse_json
from gate.http.body import Body, Outgoing, SizedReader
from gate.http.ranges import range_header, range_part
from gate.http.retry import IDEMPOTENT, RETRIED, pause
from gate.http.translate import UNREACHABLE, refusal
from gate.http.transport import Call, Transport

T = TypeVar("T")

_DETAIL_BYTES = 64 * 1024
_PARTIAL = 206
_UNSATISFIABLE = 416


class Options(TypedDict, total=False):
    """What may be said of an exchange beside its method and address.

    Attributes:
        headers: beside those that the client sets, or instead of them.
        body: bytes, or a file with `__len__` that is sent once and never again.
        accept: statuses beyond 2xx that are answers to the caller and not failures.
        missing: what does not exist if the answer is 404, in words for people.
        retried: whether trying again is safe; else the method says so (RFC 9110 §9.2.2). A file is never sent again.
        limit: most bytes of the answer, if less than the bound.
    """

    headers: Mapping[str, str]
    body: bytes | SizedReader
    accept: Collection[int]
    missing: str
    retried: bool
    limit: int


class HttpClient:
    """Calls servers within bounds.

    Proxies and the CA bundle come from the environment, as `requests` documents it; verification can't be switched
    off. No cookie is kept. `Authorization` never follows a redirect to another origin and is never sent in clear to
    another machine. Statuses outside 2xx raise, unless the caller accepts them.

    Raises (all methods):
        UnauthorizedUpstreamError: 401 or 403.
        NotFoundError: 404, where the caller says what is then `missing`.
        ThrottledUpstreamError: 429, after all tries or if the server asks for a longer wait than the bound.
        TimeoutUpstreamError: no answer in time.
        BoundError: the answer is larger than the bound.
        UpstreamError: any other failure; its `error_code` tells more.
        UsageError: the address is none.
    """

    def __init__(
        self,
        bounds: HttpBounds | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open a session; `sleep` and `clock` are for tests (seconds, monotonic)."""
        self.bounds = bounds or HttpBounds()
        self._sleep = sleep
        self._clock = clock
        self._transport = Transport(self.bounds, clock)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def request(self, method: str, url: str, **options: Unpack[Options]) -> Answer:
        """Make one exchange and return the whole answer, if its status is 2xx or accepted."""
        call = _call(method, url, options)
        deadline = self._clock() + self.bounds.total
        if call.body is not None and not isinstance(call.body, bytes):
            deadline = self._clock() + self.bounds.stream
            call = replace(call, body=Outgoing(call.body, call.url, deadline=deadline, clock=self._clock))
        most = min(options.get("limit", self.bounds.answer_bytes), self.bounds.answer_bytes)

        def whole(response: requests.Response) -> Answer:
            with Body(response, deadline=deadline, clock=self._clock, decode=True) as body:
                data = body.take(most)
            return Answer(url=response.url, status=response.status_code, headers=response.headers, body=data)

        return self._tries(call, deadline, whole)

    def get_bytes(self, url: str, **options: Unpack[Options]) -> Answer:
        """GET the whole answer into memory."""
        return self.request("GET", url, **options)

    def get_json(self, url: str, **options: Unpack[Options]) -> object:
        """GET and parse JSON.

        Raises:
            UpstreamError: `upstream_not_json` if the body is none.
        """
        wanted = {"Accept": "application/json", "Accept-Encoding": "gzip", **options.get("headers", {})}
        options["headers"] = wanted
        return parse_json(self.get_bytes(url, **options).body, url)

    def get_range(
        self,
        url: str,
        *,
        start: int | None = None,
        end: int | None = None,
        suffix: int | None = None,
        **options: Unpack[Options],
    ) -> RangePart | RangeIgnored:
        """GET the bytes `start` to `end` (both inclusive), or the last `suffix` ones, in one range (RFC 9110 §14).

        Raises:
            UpstreamError: `range_unsatisfiable` (416), `range_wrong` if other bytes came than were asked for.
            ValueError: neither or both ways of naming the range.
        """
        wanted, most = range_header(start, end, suffix)
        options["headers"] = {**options.get("headers", {}), "Range": wanted}
        options["accept"] = {_UNSATISFIABLE}
        call = _call("GET", url, options)
        deadline = self._clock() + self.bounds.total

        def part(response: requests.Response) -> RangePart | RangeIgnored:
            if response.status_code == _UNSATISFIABLE:
                message = f"`{show(url)}` has no bytes in the range {wanted}"
                raise UpstreamError(message, code="range_unsatisfiable", url=show(url))
            if response.status_code != _PARTIAL:
                size = response.headers.get("Content-Length", "")
                return RangeIgnored(total=int(size) if size.isascii() and size.isdigit() else None)
            with Body(response, deadline=deadline, clock=self._clock) as body:
                data = body.take(min(most, self.bounds.answer_bytes))
            return range_part(url, response.headers, data, start=start, suffix=suffix)

        return self._tries(call, deadline, part)

    @contextmanager
    def stream(self, url: str, **options: Unpack[Options]) -> Iterator[Stream]:
        """GET and hand out the body as it comes, raw. Only the opening is tried again, never the reading."""
        call = _call("GET", url, options)
        response = self._tries(call, self._clock() + self.bounds.total, lambda opened: opened, keep_open=True)
        until = self._clock() + self.bounds.stream
        with closing(response), Body(response, deadline=until, clock=self._clock) as body:
            yield Stream(url=response.url, status=response.status_code, headers=response.headers, body=body)

    def _tries(
        self, call: Call, deadline: float, finish: Callable[[requests.Response], T], *, keep_open: bool = False
    ) -> T:
        """Make the exchange until it succeeds or is not worth another try; `finish` is part of each try."""
        attempt = 1
        while True:
            headers: Mapping[str, str] = {}
            try:
                response = self._transport.send(call, deadline)
                headers = response.headers
                with ExitStack() as stack:
                    stack.callback(response.close)
                    self._accept(call, response, deadline)
                    result = finish(response)
                    if keep_open:
                        stack.pop_all()
                    return result
            except GateError as failure:
                wait = pause(attempt, headers)
                late = attempt >= self.bounds.attempts or self._clock() + wait >= deadline
                if late or wait > self.bounds.wait or not call.retried or not _passing(failure):
                    raise
            self._sleep(wait)
            attempt += 1

    def _accept(self, call: Call, response: requests.Response, deadline: float) -> None:
        status = response.status_code
        if status in call.accept or 200 <= status < 300:  # noqa: PLR2004 - the class of successes
            return
        detail = b""
        with suppress(UpstreamError), Body(response, deadline=deadline, clock=self._clock, decode=True) as body:
            detail = body.read(_DETAIL_BYTES)
        raise refusal(status, response.url, response.headers, detail, missing=call.missing)


def _call(method: str, url: str, options: Options) -> Call:
    url, basic = strip_credentials(url)
    own = {"User-Agent": f"gate/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
    headers = {**own, **options.get("headers", {})}
    if basic and not any(name.lower() == "authorization" for name in headers):
        headers["Authorization"] = basic
    body = options.get("body")
    repeatable = body is None or isinstance(body, bytes)
    return Call(
        method=method,
        url=url,
        headers=headers,
        body=body,
        accept=options.get("accept", ()),
        missing=options.get("missing", ""),
        retried=repeatable and options.get("retried", method in IDEMPOTENT),
    )


def _passing(failure: GateError) -> bool:
    """Say whether the failure may be gone at the next try."""
    if isinstance(failure, TimeoutUpstreamError) or failure.error_code == UNREACHABLE:
        return True
    return failure.facts.get("status") in {str(status) for status in RETRIED}
