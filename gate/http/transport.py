"""One exchange on the wire: the session, the redirects, and which headers may travel where."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import requests

from gate.bounds import HttpBounds
from gate.errors import TimeoutUpstreamError, UpstreamError
from gate.http.address import Origin, origin_of, redirected, show
from gate.http.body import SizedReader
from gate.http.surroundings import Surroundings, bundle
from gate.http.translate import translated
from gate.http.watch import WatchedAdapter

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOLLOWING = frozenset({"GET", "HEAD"})
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One exchange as it is to be made. `accept` are statuses beyond 2xx; `missing` is what a 404 is about."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | SizedReader | None
    accept: Collection[int]
    missing: str
    retried: bool


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sign nothing: it keeps `requests` from taking credentials out of the address by itself."""
    return request


class Transport:
    """Sends a call and follows its redirects; the answer's body is left unread."""

    def __init__(self, bounds: HttpBounds, clock: Callable[[], float]) -> None:
        """Open no connection yet; no cookie is kept."""
        self._bounds = bounds
        self._clock = clock
        self._surroundings = Surroundings()
        # Not `requests.Session`: that reads a redirect's body to its end, however long, even when told not to follow;
        # it keeps cookies and takes credentials out of ~/.netrc; and it costs as much as the exchange itself.
        self._adapter = WatchedAdapter()

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def send(self, call: Call, deadline: float) -> requests.Response:
        """Return the open answer after redirects; those of anything but GET and HEAD are not followed.

        Raises:
            UpstreamError: no answer, or a redirect that is refused; `too_many_redirects` past the bound.
        """
        for _ in range(self._bounds.redirects + 1):
            response = self._once(call, deadline)
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or response.status_code in call.accept:
                return response
            response.close()
            if call.method not in _FOLLOWING or not location:
                message = f"`{show(call.url)}` answered a {call.method} with a redirect ({response.status_code})"
                raise UpstreamError(message, hint="call the address that it means", code="redirect_refused")
            call = _onward(call, redirected(call.url, location))
        message = f"`{show(call.url)}` was reached after {self._bounds.redirects} redirects, and leads on"
        raise UpstreamError(message, code="too_many_redirects", url=show(call.url))

    def _once(self, call: Call, deadline: float) -> requests.Response:
        origin = origin_of(call.url)
        _guard(call, origin)
        left = deadline - self._clock()
        if left <= 0:
            message = f"`{show(call.url)}` did not answer in time"
            raise TimeoutUpstreamError(message, hint="try again, or raise the bound", url=show(call.url))
        timeout = (min(self._bounds.connect, left), min(self._bounds.read, left))
        with translated(call.url):
            request = requests.PreparedRequest()
            request.prepare(call.method, call.url, headers=dict(call.headers), data=call.body, auth=_unsigned)
            with self._adapter.within(left):
                return self._adapter.send(
                    request,
                    stream=True,
                    timeout=timeout,
                    verify=bundle(),
                    proxies=self._surroundings.proxies(origin, call.url),
                )


def _guard(call: Call, origin: Origin) -> None:
    if origin.private or not any(name.lower() in _SECRET_HEADERS for name in call.headers):
        return
    message = f"credentials for `{origin.host}` would travel in clear"
    raise UpstreamError(message, hint="use an https address", code="credentials_in_clear", url=show(call.url))


def _onward(call: Call, url: str) -> Call:
    headers = call.headers
    if origin_of(url) != origin_of(call.url):
        headers = {name: value for name, value in headers.items() if name.lower() not in _SECRET_HEADERS}
    return replace(call, url=url, headers=headers)
