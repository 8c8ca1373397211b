"""One version of a key in Azure Key Vault, over its REST API: what it is, and its signature of a digest.

Source: Azure Key Vault REST API 7.4, "Get Key" and "Sign"; RFC 7517 and 7518 for keys and signatures as JSON has them.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol

from gate.errors import InputError, NotFoundError, UnauthorizedUpstreamError, UpstreamError
from gate.registry.content import strict_object

if TYPE_CHECKING:
    from gate.cloud_vault import VaultKey
    from gate.http.client import HttpClient

API = "7.4"
_REDIRECTS = (301, 302, 303, 307, 308)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_ROLE = "Key Vault Crypto User"
_UNAUTHORIZED = "401"


class Tokens(Protocol):
    """Gives tokens of the gate's identity."""

    def token(self, scope: str = "") -> str:
        """Return a token for a scope; UpstreamError if there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKey:
    """What the vault says of a key version. Times are seconds since 1970; None is no limit."""

    kind: str
    curve: str
    x: bytes
    y: bytes
    operations: tuple[str, ...]
    enabled: bool
    not_before: int | None
    expires: int | None


class Vault:
    """Asks for one key version as one identity. The token goes to this one host and never on to another.

    Raises (all methods): what `HttpClient` and the identity raise, and
        UnauthorizedUpstreamError: `vault_forbidden`, `vault_unauthorized`.
        UpstreamError: `vault_key_absent`, or `vault_answer_wrong` if the answer is none, or is about another key.
    """

    def __init__(self, client: HttpClient, tokens: Tokens, key: VaultKey, *, most_bytes: int) -> None:
        """Keep the parts; nothing is asked yet. An answer has at most `most_bytes`."""
        self._client = client
        self._tokens = tokens
        self.key = key
        self._most_bytes = most_bytes

    def published(self) -> PublishedKey:
        """Return what the vault says of the key version."""
        answer = self._ask("GET", "", None)
        match answer:
            case {"key": {"kid": str(kid), "kty": str(kind)} as key, "attributes": {"enabled": bool(enabled), **rest}}:
                self._own(kid)
                operations = key.get("key_ops")
                return PublishedKey(
                    kind=kind,
                    curve=self._text(key.get("crv", "")),
                    x=self._bytes(key["x"]) if "x" in key else b"",
                    y=self._bytes(key["y"]) if "y" in key else b"",
                    operations=tuple(map(str, operations)) if isinstance(operations, list) else (),
                    enabled=enabled,
                    not_before=self._instant(rest.get("nbf")),
                    expires=self._instant(rest.get("exp")),
                )
            case _:
                return self._refuse("something that is no key")

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Return the signature of a digest as JSON Web Algorithms have it: of EC keys r and s, one after the other."""
        asked = {"alg": algorithm, "value": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}
        match self._ask("POST", "/sign", json.dumps(asked).encode()):
            case {"kid": str(kid), "value": value}:
                self._own(kid)
                return self._bytes(value)
            case _:
                return self._refuse("something that is no signature")

    def _ask(self, method: Literal["GET", "POST"], verb: str, body: bytes | None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._tokens.token(self.key.scope)}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = self._client.request(
                method,
                f"{self.key.identifier}{verb}?api-version={API}",
                headers=headers,
                **({} if body is None else {"body": body}),
                accept=_REDIRECTS,
                missing=f"the key `{self.key.identifier}`",
                retried=True,  # a second signature of the same digest does no harm
                limit=self._most_bytes,
            )
        except UnauthorizedUpstreamError as refused:
            raise self._refused(refused) from None
        except NotFoundError as absent:
            message, hint = absent.message, "see GATE_SIGNING_KEY: the vault has no such version of the key, or no more"
            raise UpstreamError(message, hint=hint, code="vault_key_absent", **absent.facts) from None
        if answer.status in _REDIRECTS:
            self._refuse("a redirect, which no vault does")
        try:
            return strict_object(answer.body, what="the vault's answer")
        except InputError:
            self._refuse("something that is no JSON object")

    def _refused(self, refused: UnauthorizedUpstreamError) -> UnauthorizedUpstreamError:
        if refused.facts.get("status") == _UNAUTHORIZED:
            code = "vault_unauthorized"
            hint = "the vault must belong to the tenant GATE_AZURE_TENANT, and to the cloud GATE_AZURE_CLOUD"
        else:
            code = "vault_forbidden"
            hint = (
                f"give the gate's identity the role `{_ROLE}` on the key (or get and sign, where the vault has access"
                " policies), let the gate's network through the vault's firewall, and see that the version is enabled"
            )
        return UnauthorizedUpstreamError(refused.message, hint=hint, code=code, **refused.facts)

    def _own(self, kid: str) -> None:
        # Names of vaults and keys have no case; the version is what pins the key.
        if kid.lower() != self.key.identifier.lower():
            self._refuse("in the name of another key or version")

    def _bytes(self, value: object) -> bytes:
        text = self._text(value)
        if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
            self._refuse("a value that is not base64url")
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            self._refuse("a value of another kind than text")
        return value

    def _instant(self, value: object) -> int | None:
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        return self._refuse("a time that is none")

    def _refuse(self, what: str) -> NoReturn:
        message = f"the vault `{self.key.host}` answered {what}"
        hint = "see whether a proxy stands in between; nothing that is not this key's own answer is used"
        raise UpstreamError(message, hint=hint, code="vault_answer_wrong", key=self.key.identifier) from None
