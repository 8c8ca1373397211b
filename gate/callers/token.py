"""One Entra access token, checked: whose it is, for whom, of when, and what its roles allow. The time is passed in.

Steps, numbered as in the code: 1. one token of bounded size; 2. its header, which may name a key and nothing else;
3. whose it says to be, which chooses among tenants and keys that configuration knows, and is believed in nothing;
4. the signature, RS256 and no other; 5. issuer, audience, time; 6. an access token, of a person or of a service;
7. its roles. What the token says is never part of a message, and the token is never kept.
Sources: RFC 8725; Microsoft's "Access token claims reference" (`ver`, `azp`/`appid`, `idtyp`, `scp`, `oid`, `tid`).
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from gate.callers.roles import ROLES, Caller, Permission, permissions_of
from gate.errors import ForbiddenError, InputError, UnauthorizedError
from gate.model.principal import Principal, PrincipalKind
from gate.registry.content import strict_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gate.callers.keys import Keys, SigningKey
    from gate.signin import TokenConfig

ALGORITHM = "RS256"
SKEW = timedelta(minutes=5)
_VERSIONS = {"1.0": 1, "2.0": 2}
_CLIENTS = {1: "appid", 2: "azp"}
"""The claim that names the application that asked for an access token; ID tokens have none."""
_REFUSED_HEADERS = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc", "cty"})
_TYPES = frozenset({"jwt", "at+jwt"})
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KID = re.compile(r"[\x21-\x7e]{1,200}")
_BEARER = re.compile(r"(?i:bearer) +(?P<token>[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")


class TokenCheck:
    """Tells who calls by the token that they send."""

    def __init__(self, config: TokenConfig, keys: Keys, *, most_bytes: int) -> None:
        """Take whose tokens count, the keys, and how large a token may be."""
        self._config = config
        self._keys = keys
        self._most_bytes = most_bytes

    def caller(self, authorization: Sequence[bytes], *, now: datetime) -> Caller:
        """Return who sent a request.

        Args:
            authorization: the values of all its `Authorization` headers.
            now: the time as of which the token must be good.

        Raises:
            UnauthorizedError: there is no token, or none that counts here; its code says why.
            ForbiddenError: the token has no role of this service (`role_missing`).
            UnavailableUpstreamError: the tenant's keys can't be fetched (`keys_unreachable`).
        """
        token = self._one_token(authorization)  # 1
        kid = _named_key(token)  # 2
        said = _payload(token)  # 3
        tenant, version = self._claimed_tenant(said)
        key = self._keys.key(tenant, version, kid, now=now)
        claims = _verified(token, key)  # 4
        self._for_us(claims, key, tenant, version)  # 5
        _in_time(claims, now)
        kind = _kind(claims, version)  # 6
        principal = Principal(tenant=tenant, object_id=_object_id(claims), kind=kind, claimed=False)
        return Caller(principal=principal, permissions=_permissions(claims))  # 7

    def _one_token(self, authorization: Sequence[bytes]) -> str:
        if not authorization:
            _refuse("token_missing", "no token was sent", "send `Authorization: Bearer …` with an Entra access token")
        if len(authorization) > 1:
            _refuse("token_malformed", "more than one `Authorization` was sent", "send one")
        if len(authorization[0]) > self._most_bytes:
            _refuse(
                "token_too_large", f"the token has more than {self._most_bytes} bytes", "ask for fewer claims in it"
            )
        match = _BEARER.fullmatch(authorization[0].decode("latin-1"))
        if match is None:
            _refuse("token_malformed", "what was sent is no signed token", "send `Authorization: Bearer …`")
        return match["token"]

    def _claimed_tenant(self, said: Mapping[str, Any]) -> tuple[str, int]:
        tenant, version = said.get("tid"), _VERSIONS.get(str(said.get("ver")))
        if version is None:
            _refuse("token_version", "the token has no version that Entra ID gives", "get one of the v1 or v2 endpoint")
        if not isinstance(tenant, str) or tenant.lower() not in self._config.tenants:
            _refuse(
                "token_tenant", "the token is of a tenant that is not let in", "sign in to the service's own tenant"
            )
        return tenant.lower(), version

    def _for_us(self, claims: Mapping[str, Any], key: SigningKey, tenant: str, version: int) -> None:
        cloud = self._config.cloud
        if claims.get("iss") != cloud.issuer(tenant, version):
            _refuse(
                "token_issuer", "the token's issuer is not its tenant", "get a token from the tenant's own endpoint"
            )
        theirs = key.issuer.replace("{tenantid}", tenant)
        if theirs and theirs not in {cloud.issuer(tenant, 1), cloud.issuer(tenant, 2)}:
            _refuse("token_issuer", "the key that signed the token signs for another issuer", "get a new token")
        audience = claims.get("aud")
        if not isinstance(audience, str) or audience not in self._config.audiences:
            _refuse("token_audience", "the token is for another service", "ask for a token with the service's audience")


def _named_key(token: str) -> str:
    """Return the name of the key; a header that says more than which key and which algorithm is refused unread."""
    header = _json(token.split(".", 1)[0])
    if header.get("alg") != ALGORITHM:
        _refuse("token_algorithm", f"only tokens signed with {ALGORITHM} count", "get a token from Entra ID")
    kid, kind = header.get("kid"), header.get("typ", "JWT")
    if set(header) & _REFUSED_HEADERS or not isinstance(kind, str) or kind.lower() not in _TYPES:
        _refuse("token_malformed", "the token's header says what no access token's does", "get a token from Entra ID")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        _refuse("token_malformed", "the token names no key", "get a token from Entra ID")
    return kid


def _payload(token: str) -> Mapping[str, Any]:
    return _json(token.split(".")[1])


def _json(part: str) -> Mapping[str, Any]:
    try:
        return strict_object(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), what="a part of the token")
    except (binascii.Error, ValueError, InputError):
        _refuse("token_malformed", "a part of the token can't be read", "get a token from Entra ID")


def _verified(token: str, key: SigningKey) -> Mapping[str, Any]:
    """Return the claims if the key signed them. Times and names are checked by the caller, against its own clock."""
    import jwt  # noqa: PLC0415 - an extra

    unchecked = ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
    options: Any = {"verify_signature": True, "enforce_minimum_key_length": True}
    try:
        claims: Mapping[str, Any] = jwt.PyJWT().decode(
            token, key.key, algorithms=[ALGORITHM], options=options | {f"verify_{name}": False for name in unchecked}
        )
    except (jwt.PyJWTError, ValueError, RecursionError):
        _refuse("token_signature", "the token is not signed by its tenant", "get a token from Entra ID")
    return claims


def _in_time(claims: Mapping[str, Any], now: datetime) -> None:
    instant, skew = now.timestamp(), SKEW.total_seconds()
    if instant >= _seconds(claims, "exp") + skew:
        _refuse("token_expired", "the token has expired", "get a new one")
    if max(_seconds(claims, "nbf"), _seconds(claims, "iat")) > instant + skew:
        _refuse("token_not_yet_valid", "the token is not good yet", "set this machine's clock, and the caller's")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**40:
        _refuse("token_malformed", "the token does not say from when to when it is good", "get a token from Entra ID")
    return value


def _kind(claims: Mapping[str, Any], version: int) -> PrincipalKind:
    """Tell a person's access token from a service's, and both from an ID token, which proves a sign-in elsewhere."""
    scope, kind, client = claims.get("scp"), claims.get("idtyp"), claims.get(_CLIENTS[version])
    if isinstance(client, str) and client and "nonce" not in claims:
        if isinstance(scope, str) and scope.strip() and kind in {None, "user"}:
            return PrincipalKind.USER
        if "scp" not in claims and (kind == "app" or (kind is None and claims.get("sub") == claims.get("oid"))):
            return PrincipalKind.SERVICE
    message = "it is no access token of a person or of a service"
    raise UnauthorizedError(message, code="token_kind", hint="send the access token, not the ID token")


def _object_id(claims: Mapping[str, Any]) -> str:
    object_id = claims.get("oid")
    if not isinstance(object_id, str) or not _ID.fullmatch(object_id.lower()):
        _refuse("token_malformed", "the token does not say whose it is", "ask for one with the claim `oid`")
    return object_id.lower()


def _permissions(claims: Mapping[str, Any]) -> frozenset[Permission]:
    listed = claims.get("roles")
    roles = tuple(role for role in listed if isinstance(role, str)) if isinstance(listed, list) else ()
    allowed = permissions_of(roles)
    if not allowed:
        message = "the token has no role of this service"
        hint = f"have one of the app roles assigned: {', '.join(ROLES)}"
        raise ForbiddenError(message, code="role_missing", hint=hint)
    return allowed


def _refuse(code: str, why: str, hint: str) -> NoReturn:
    raise UnauthorizedError(why, code=code, hint=hint)
