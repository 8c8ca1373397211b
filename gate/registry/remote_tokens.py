"""Prove to registries who asks: tokens for a scope, basic credentials, or nothing; kept in memory, never shown."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from gate.errors import UnauthorizedUpstreamError, UpstreamError
from gate.http.address import origin_of, show
from gate.http.answer import parse_json
from gate.http.client import HttpClient
from gate.registry.auth import Credential, CredentialProvider
from gate.registry.remote_challenge import Basic, Bearer, read_challenge

_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_ANSWER_BYTES = 1024 * 1024
_LIFE = 60
"""Seconds that a token lives if its server does not say (distribution's token specification)."""
_MARGIN = 10
_LONGEST = 24 * 3600
_CLIENT = "gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    value: str
    until: float


class Authorizer:
    """Keeps what each registry asked for and what it was given, one entry a host and set of scopes."""

    def __init__(
        self, http: HttpClient, credentials: CredentialProvider, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start without any token; `clock` counts seconds."""
        self._http = http
        self._credentials = credentials
        self._clock = clock
        self._kept: dict[tuple[str, tuple[str, ...]], _Kept] = {}
        self._lock = threading.Lock()

    def headers(self, host: str, scopes: tuple[str, ...]) -> dict[str, str]:
        """Return the header for a request to the host, as far as it is known; empty before the first refusal."""
        with self._lock:
            kept = self._kept.get((host, scopes))
        return {"Authorization": kept.value} if kept is not None and kept.until > self._clock() else {}

    def renew(self, host: str, scopes: tuple[str, ...], url: str, answered: Mapping[str, str]) -> None:
        """Get what the refusal (401) of `url` asks for.

        Raises:
            UnauthorizedUpstreamError: the registry asks for nothing that can be given, or refused what was given.
            UpstreamError: the token server failed, or may not be asked.
        """
        challenge = read_challenge(answered.get("WWW-Authenticate", ""), url)
        credential = self._credentials.credential(host)
        match challenge:
            case Bearer() if credential is not None and credential.own_realm and not _is_own(challenge, url):
                message = f"`{host}` names a token server on another host, which its credential is not for"
                raise UpstreamError(message, code="bad_realm", hint="check the registry's address", url=show(url))
            case Bearer():
                kept = self._token(challenge, credential, _wanted(scopes, challenge.scope))
            case Basic() if credential is not None and not credential.refresh_token:
                kept = _Kept(value=_basic(credential), until=float("inf"))
            case _:
                message = f"`{host}` wants credentials, and the gate has none for it that it takes"
                hint = f"log in to `{host}`, or set GATE_REGISTRY_HOST, GATE_REGISTRY_USER and GATE_REGISTRY_PASSWORD"
                raise UnauthorizedUpstreamError(message, hint=hint, url=show(url))
        with self._lock:
            self._kept[host, scopes] = kept

    def _token(self, challenge: Bearer, credential: Credential | None, scopes: tuple[str, ...]) -> _Kept:
        asked = self._clock()
        fields = [("service", challenge.service)] if challenge.service else []
        if credential is not None and credential.refresh_token:
            form = [("grant_type", "refresh_token"), ("client_id", _CLIENT), ("scope", " ".join(scopes)), *fields]
            body = urlencode([*form, ("refresh_token", credential.refresh_token)]).encode()
            sent = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
            answer = self._http.request("POST", challenge.realm, headers=sent, body=body, limit=_ANSWER_BYTES)
        else:
            fields += [("scope", scope) for scope in scopes]
            url = challenge.realm + ("&" if "?" in challenge.realm else "?") + urlencode(fields, quote_via=quote)
            sent = {"Accept": "application/json"} | ({"Authorization": _basic(credential)} if credential else {})
            answer = self._http.get_bytes(url, headers=sent, limit=_ANSWER_BYTES)
        match parse_json(answer.body, challenge.realm):
            case {"token": str(token), **rest} | {"access_token": str(token), **rest} if _TOKEN.fullmatch(token):
                life = rest.get("expires_in")
            case _:
                message = f"the token server `{show(challenge.realm)}` answered without a token"
                raise UpstreamError(message, code="bad_token")
        seconds = life if isinstance(life, int) and 0 < life < _LONGEST else _LIFE
        return _Kept(value=f"Bearer {token}", until=asked + seconds - _MARGIN)


def _is_own(challenge: Bearer, url: str) -> bool:
    return origin_of(challenge.realm) == origin_of(url)


def _wanted(scopes: tuple[str, ...], asked: str) -> tuple[str, ...]:
    """Return our scopes, and what the registry asks for beyond them on the same repositories: never others."""
    ours = {name: set(actions.split(",")) for name, _, actions in (scope.rpartition(":") for scope in scopes)}
    wider: list[str] = []
    for name, _, actions in (scope.rpartition(":") for scope in asked.split()):
        beyond = set(actions.split(",")) - ours.get(name, set())
        if name in ours and beyond:
            wider.append(f"{name}:{','.join(sorted(beyond))}")
    return (*scopes, *wider)


def _basic(credential: Credential) -> str:
    return "Basic " + base64.b64encode(f"{credential.user}:{credential.password}".encode()).decode()
