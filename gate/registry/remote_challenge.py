"""Read `WWW-Authenticate`: what a registry wants before it answers (RFC 9110 §11.6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gate.errors import UpstreamError, UsageError
from gate.http.address import Origin, is_loopback, origin_of, show

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar, not a password
_SCHEME = re.compile(rf"[\s,]*(?P<scheme>{_TOKEN})(?=[\s,]|$)\s*")
_PARAM = re.compile(rf'[\s,]*(?P<key>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>{_TOKEN}))(?=[\s,]|$)')
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))")
_HEADER_CHARACTERS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """The registry takes user and password itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """The registry takes a token that the server at `realm` gives out for `service`; `scope` is what it asks for."""

    realm: str
    service: str
    scope: str


def read_challenge(header: str, url: str) -> Basic | Bearer | None:
    """Return what the registry at `url` asks for, Bearer before Basic; None if it names neither.

    Raises:
        UpstreamError: `bad_challenge` if the header is outside the grammar, `bad_realm` if the token server is one
            to which no credential may be sent: neither https nor this machine, or this machine from another's mouth.
    """
    if len(header) > _HEADER_CHARACTERS:
        raise _malformed(url)
    found: Basic | None = None
    for scheme, params in _challenges(header, url):
        if scheme == "bearer":
            bearer = Bearer(
                realm=params.get("realm", ""), service=params.get("service", ""), scope=params.get("scope", "")
            )
            _check_realm(bearer.realm, url)
            return bearer
        if scheme == "basic":
            found = Basic()
    return found


def _challenges(header: str, url: str) -> list[tuple[str, dict[str, str]]]:
    result: list[tuple[str, dict[str, str]]] = []
    position = 0
    end = len(header.rstrip(" \t,"))
    while position < end:
        match = _SCHEME.match(header, position)
        if match is None:
            raise _malformed(url)
        position = match.end()
        params: dict[str, str] = {}
        while param := _PARAM.match(header, position):
            position, key = param.end(), param["key"].lower()
            if key in params:
                raise _malformed(url)
            params[key] = param["bare"] or re.sub(r"\\(.)", r"\1", param["quoted"] or "")
        if not params and (opaque := _TOKEN68.match(header, position)):
            position = opaque.end()
        result.append((match["scheme"].lower(), params))
    return result


def _check_realm(realm: str, url: str) -> None:
    registry = origin_of(url)
    origin: Origin | None
    try:
        origin = origin_of(realm)
    except UsageError:
        origin = None
    message = f"`{registry.host}` names a token server that no credential may be sent to: `{show(realm)[:200]}`"
    if origin is None or not origin.private or "@" in realm.split("/")[2]:
        raise UpstreamError(message, hint="a token server has an https address", code="bad_realm")
    if is_loopback(origin.host) and not is_loopback(registry.host):
        raise UpstreamError(message, hint="a token server of a remote registry is remote", code="bad_realm")


def _malformed(url: str) -> UpstreamError:
    message = f"`{origin_of(url).host}` asks for credentials in a form that can't be read"
    return UpstreamError(message, code="bad_challenge", url=show(url))
