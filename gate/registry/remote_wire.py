"""Requests to one registry: where it is, who asks, and what its refusals mean (OCI distribution specification 1.1)."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal, Unpack
from urllib.parse import urljoin

from gate.errors import GateError, NotFoundError, UpstreamError, UsageError
from gate.http.address import is_loopback, origin_of, show
from gate.http.answer import Answer, Stream, parse_json
from gate.http.client import HttpClient, Options
from gate.http.translate import refusal
from gate.model.image import ImageRef, Transport
from gate.model.origin import DOCKER_HUB
from gate.registry.reference import split_repository
from gate.registry.remote_tokens import Authorizer

_HUB_API = "registry-1.docker.io"
_ABSENT = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"})
_ALL_STATUSES = frozenset(range(100, 600))
_UNAUTHORIZED = int(http.client.UNAUTHORIZED)
_NOT_FOUND = int(http.client.NOT_FOUND)
_DETAIL_BYTES = 64 * 1024
_NEXT = re.compile(r'<(?P<url>[^<>]*)>\s*;\s*rel="?next"?', re.ASCII)

Action = Literal["pull", "pull,push", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One repository of one registry: `host` as people name it, `path` within it, `base` the address of its API."""

    host: str
    path: str
    base: str

    @property
    def url(self) -> str:
        """The repository's address below the API."""
        return f"{self.base}/v2/{self.path}"

    def scope(self, action: Action) -> str:
        """The scope of a token that may do this here."""
        return f"repository:{self.path}:{action}"

    def onward(self, answer: Answer, location: str, code: str) -> str:
        """Return the absolute address that the registry points to; another host is never called with our rights.

        Raises:
            UpstreamError: the address is not of this registry.
        """
        try:
            target = urljoin(answer.url, location)
            same = bool(location) and origin_of(target) == origin_of(self.base)
        except (ValueError, UsageError):
            same = False
        if not same:
            message = f"`{self.host}` points to an address that is not its own"
            hint = "a registry behind a proxy must send relative addresses, or its own host and scheme"
            raise UpstreamError(message, hint=hint, code=code, url=show(answer.url))
        return target


class Wire:
    """Sends requests to registries and renews, once a request, what they want as proof of who asks."""

    def __init__(self, client: HttpClient, authorizer: Authorizer) -> None:
        """Use one client and one store of tokens for all registries."""
        self._http = client
        self._authorizer = authorizer
        self._bases: dict[str, str] = {}

    def place(self, ref: ImageRef) -> Place:
        """Return where the ref's repository is served. Plain http is spoken with this very machine alone.

        Raises:
            UsageError: the ref is not of a registry.
        """
        if ref.transport is not Transport.REGISTRY:
            message = f"`{ref}` is not in a registry"
            raise UsageError(message, code="wrong_transport")
        host, path = split_repository(ref.repository)
        if host not in self._bases:
            self._bases[host] = self._base(_HUB_API if host == DOCKER_HUB else host)
        return Place(host=host, path=path, base=self._bases[host])

    def request(
        self, method: str, place: Place, url: str, scopes: tuple[str, ...], **options: Unpack[Options]
    ) -> Answer:
        """Make one request; a 404 in which the registry says that the thing is unknown becomes a NotFoundError.

        Raises:
            NotFoundError: unknown name, manifest or blob, if `missing` is given.
            UpstreamError: as `HttpClient`; a 404 that is not a registry's own word is `not_a_registry`.
        """
        accept = frozenset(options.get("accept", ()))
        own = options.get("headers", {})
        missing = options.pop("missing", "")
        options["accept"] = accept | {_UNAUTHORIZED} | ({_NOT_FOUND} if missing else frozenset())
        options["headers"] = {**own, **self._authorizer.headers(place.host, scopes)}
        answer = self._http.request(method, url, **options)
        # A body that is read once has gone with the refusal: whoever has it opens it anew.
        if self._renewed(place, scopes, answer) and isinstance(options.get("body", b""), bytes):
            options["headers"] = {**own, **self._authorizer.headers(place.host, scopes)}
            answer = self._http.request(method, url, **options)
        if answer.status == _NOT_FOUND and _NOT_FOUND not in accept:
            raise _absence(answer, missing)
        if answer.status == _UNAUTHORIZED:
            raise refusal(answer.status, answer.url, answer.headers, answer.body, missing="")
        return answer

    @contextmanager
    def stream(self, place: Place, url: str, scopes: tuple[str, ...], missing: str) -> Iterator[Stream]:
        """Open a body as a stream; errors as `request`."""
        with ExitStack() as stack:
            opened = stack.enter_context(self._open(place, url, scopes))
            if self._renewed(place, scopes, opened):
                stack.close()
                opened = stack.enter_context(self._open(place, url, scopes))
            if opened.status in {_UNAUTHORIZED, _NOT_FOUND}:
                body = opened.body.read(_DETAIL_BYTES)
                answer = Answer(url=opened.url, status=opened.status, headers=opened.headers, body=body)
                if opened.status == _NOT_FOUND:
                    raise _absence(answer, missing)
                raise refusal(opened.status, opened.url, opened.headers, body, missing="")
            yield opened

    def _open(self, place: Place, url: str, scopes: tuple[str, ...]) -> AbstractContextManager[Stream]:
        sent = self._authorizer.headers(place.host, scopes)
        return self._http.stream(url, headers=sent, accept={_UNAUTHORIZED, _NOT_FOUND})

    def _renewed(self, place: Place, scopes: tuple[str, ...], refused: Answer | Stream) -> bool:
        # A refusal by the host that a registry redirects to is none of the registry's: it gets no credentials.
        if refused.status != _UNAUTHORIZED or origin_of(refused.url) != origin_of(place.base):
            return False
        self._authorizer.renew(place.host, scopes, refused.url, refused.headers)
        return True

    def _base(self, host: str) -> str:
        name = origin_of(f"https://{host}").host
        if not is_loopback(name):
            return f"https://{host}"
        # On this machine nobody listens in: ask in clear. A TLS server says 400 to that; then TLS is spoken, checked.
        answer = self._http.get_bytes(f"http://{host}/v2/", accept=_ALL_STATUSES, limit=_DETAIL_BYTES)
        return f"https://{host}" if answer.status == http.client.BAD_REQUEST else f"http://{host}"


def next_page(answer: Answer) -> str:
    """Return the address in the `Link` header of `rel=next`, or nothing."""
    match = _NEXT.search(answer.headers.get("Link", ""))
    return match["url"] if match else ""


def error_codes(answer: Answer) -> frozenset[str]:
    """Return the codes in a registry's error body; empty if it is none."""
    try:
        parsed = parse_json(answer.body, answer.url)
    except UpstreamError:
        return frozenset()
    match parsed:
        case {"errors": [*errors]}:
            return frozenset(str(error.get("code")) for error in errors if isinstance(error, dict))
        case _:
            return frozenset()


def _absence(answer: Answer, missing: str) -> GateError:
    """Return the error of a 404: the thing's absence, only if the registry itself says so."""
    place = show(answer.url)
    if error_codes(answer) & _ABSENT:
        return NotFoundError(f"{missing} does not exist", hint="check the name", url=place)
    message = f"`{place}` answered 404, but not as a registry does"
    return UpstreamError(message, hint="check the registry's address", code="not_a_registry", url=place)
