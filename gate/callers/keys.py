"""The public keys of tenants, by the address that configuration gives: kept, bounded, and fetched at a pace of our own.

No token can have an address asked more often than the pace says, whatever key it names, and none can name an address.
A set that was fetched goes on counting for its time while the server fails; past that nobody is let in.
Source: Microsoft's "Access tokens in the Microsoft identity platform" (signing keys roll without notice, every day is
soon enough to look, and at once when a token names an unknown key); RFC 7517.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from gate.errors import GateError, InputError, UnauthorizedError, UnavailableUpstreamError, UpstreamError
from gate.http.address import origin_of
from gate.registry.content import strict_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from gate.bounds import ServiceBounds
    from gate.http.client import HttpClient
    from gate.signin import TokenConfig

LEAST_BITS = 2048
_PATHS = {1: "discovery/keys", 2: "discovery/v2.0/keys"}
_AFTER_FAILURE = 6
"""After a failure the next try comes sooner, by this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One public key; `issuer` is whose tokens it may sign, where the set says so (`{tenantid}` is any tenant)."""

    key: RSAPublicKey
    issuer: str


class Keys(Protocol):
    """Knows the keys with which a tenant's tokens are signed."""

    def key(self, tenant: str, version: int, kid: str, *, now: datetime) -> SigningKey:
        """Return the key of that name.

        Raises:
            UnauthorizedError: the tenant has none of that name (`token_key_unknown`).
            UnavailableUpstreamError: it can't be asked now (`keys_unreachable`).
        """
        ...


@dataclass(slots=True, kw_only=True)
class _Kept:
    url: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: Mapping[str, SigningKey] = field(default_factory=dict)
    fetched_at: datetime | None = None
    tried_at: datetime | None = None
    failed: bool = False


class TenantKeys:
    """Implements `Keys` over HTTPS; one set for each tenant and version of tokens, and no other ever."""

    def __init__(self, config: TokenConfig, client: HttpClient, bounds: ServiceBounds) -> None:
        """Fetch nothing yet; `client` should not wait longer than `bounds.keys_wait`."""
        self._client = client
        self._bounds = bounds
        self._longest = timedelta(seconds=bounds.keys_seconds)
        self._kept = {
            (tenant, version): _Kept(url=f"{config.cloud.authority}/{tenant}/{path}")
            for tenant in config.tenants
            for version, path in _PATHS.items()
        }

    def key(self, tenant: str, version: int, kid: str, *, now: datetime) -> SigningKey:
        """Return the key; see the interface."""
        kept = self._kept[tenant, version]
        found = self._known(kept, kid, now)
        if found is None or self._aging(kept, now):
            self._refresh(kept, now, wait=not self._fresh(kept, now))
            found = self._known(kept, kid, now)
        if found is not None:
            return found
        if kept.failed or not self._fresh(kept, now) or kept.lock.locked():
            message = "the keys that tokens are signed with can't be fetched now"
            raise UnavailableUpstreamError(message, code="keys_unreachable", hint="try again in a minute")
        message = "the token is signed with a key that its tenant does not have"
        raise UnauthorizedError(message, code="token_key_unknown", hint="get a new token")

    def _known(self, kept: _Kept, kid: str, now: datetime) -> SigningKey | None:
        return kept.keys.get(kid) if self._fresh(kept, now) else None

    def _fresh(self, kept: _Kept, now: datetime) -> bool:
        return kept.fetched_at is not None and abs(now - kept.fetched_at) <= self._longest

    def _aging(self, kept: _Kept, now: datetime) -> bool:
        return kept.fetched_at is None or abs(now - kept.fetched_at) > self._longest / 2

    def _may_try(self, kept: _Kept, now: datetime) -> bool:
        pause = self._bounds.keys_pause / (_AFTER_FAILURE if kept.failed else 1)
        return kept.tried_at is None or abs(now - kept.tried_at) >= timedelta(seconds=pause)

    def _refresh(self, kept: _Kept, now: datetime, *, wait: bool) -> None:
        """Fetch the set, if its time has come; only who has no set at all waits for another thread that does so."""
        if not self._may_try(kept, now) and not (wait and kept.lock.locked()):
            return
        if not kept.lock.acquire(timeout=self._bounds.keys_wait if wait else 0):
            return
        try:
            if not self._may_try(kept, now):
                return
            kept.tried_at, kept.failed = now, True
            keys = self._fetched(kept.url)
            kept.keys, kept.fetched_at, kept.failed = keys, now, False
        except GateError:
            return
        finally:
            kept.lock.release()

    def _fetched(self, url: str) -> Mapping[str, SigningKey]:
        answer = self._client.get_bytes(url, headers={"Accept": "application/json"}, limit=self._bounds.keys_bytes)
        if origin_of(answer.url) != origin_of(url):
            message = "the keys were answered by another server than was asked"
            raise UpstreamError(message, code="keys_elsewhere")
        return parse_keys(answer.body, most=self._bounds.keys)


def parse_keys(body: bytes, *, most: int) -> Mapping[str, SigningKey]:
    """Read a set of keys (RFC 7517); those that sign nothing with RS256, or are too short, are left out.

    Raises:
        UpstreamError: `keys_unreadable`: it is none, has too many keys, none of use, or two of one name.
    """
    try:
        listed = strict_object(body, what="the set of keys").get("keys")
    except InputError as error:
        raise UpstreamError(error.message, code="keys_unreadable") from error
    if not isinstance(listed, list) or len(listed) > most:
        message = f"the set of keys lists none, or more than {most}"
        raise UpstreamError(message, code="keys_unreadable")
    found: dict[str, SigningKey] = {}
    for entry in listed:
        known = _signing_key(entry)
        if known is None:
            continue
        if entry["kid"] in found:
            message = "the set has two keys of one name"
            raise UpstreamError(message, code="keys_unreadable")
        found[entry["kid"]] = known
    if not found:
        message = "the set has no key of use"
        raise UpstreamError(message, code="keys_unreadable")
    return found


def _signing_key(entry: Any) -> SigningKey | None:  # noqa: ANN401 - whatever JSON holds
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - slow to load
    from jwt import InvalidKeyError  # noqa: PLC0415 - an extra
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415 - as above

    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("kty") != "RSA":
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
        return None
    issuer = entry.get("issuer", "")
    try:
        key = RSAAlgorithm.from_jwk({name: entry[name] for name in ("kty", "n", "e")})
    except (InvalidKeyError, KeyError, ValueError, TypeError, AttributeError):
        return None
    if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS or not isinstance(issuer, str):
        return None
    return SigningKey(key=key, issuer=issuer)
