"""Entra tokens for Azure Container Registries: exchanged for a registry's refresh token, kept until that ages.

Microsoft's own library has the comparison of times the wrong way round (azure-containerregistry 1.2): it asks for a new
refresh token while it has a good one, and keeps an old one for ever. So a client of it never lives longer than one
question, and what is kept for the distribution API is kept here.
Source: ACR's "Authentication using the OAuth2 token server" (`/oauth2/exchange`, `/oauth2/token`).
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from gate.errors import GateError, UnauthorizedUpstreamError, UpstreamError
from gate.http.answer import parse_json
from gate.model.redact import redact
from gate.registry.auth import Credential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gate.http.client import HttpClient

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The user name that goes with a refresh token."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_ANSWER_BYTES = 1024 * 1024
_MARGIN = 300.0
"""Seconds before its end from which a refresh token is not used any more."""
_LONGEST = 3 * 3600.0
_HINT = (
    "give the gate's identity `AcrPull` (and `AcrPush`, `AcrDelete` to act), or on a registry in ABAC mode"
    " `Container Registry Repository Reader` (`Writer`, `Contributor`)"
)


class EntraTokens(Protocol):
    """Gives Entra tokens: azure-core's `TokenCredential`, of which this is all that is used."""

    def get_token(self, *scopes: str) -> Any:  # noqa: ANN401 - azure-core's own type; its `token` is read
        """Return an object whose `token` is good for the scopes."""
        ...


class EntraCredentials:
    """Credentials of the registries that configuration names as Azure's; every other host is given none.

    An Entra token goes to a registry's own `/oauth2/exchange` and nowhere else, and so does what comes of it.
    """

    def __init__(
        self,
        http: HttpClient,
        tokens: Callable[[], EntraTokens],
        hosts: Iterable[str],
        *,
        audience: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Ask nobody yet.

        Args:
            http: calls the registries.
            tokens: makes what gives Entra tokens, at the first need.
            hosts: the registries' login servers.
            audience: what the tokens are for, by the cloud's own name for its registries.
            clock: seconds since the epoch, as tokens count them.
        """
        self._http = http
        self._tokens = tokens
        self._hosts = frozenset(host.lower() for host in hosts)
        self._scope = f"{audience.rstrip('/')}/.default"
        self._clock = clock
        self._kept: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def credential(self, host: str) -> Credential | None:
        """Return a refresh token of the registry, a new one when the last grows old.

        Raises:
            UnauthorizedUpstreamError: Azure or the registry refuses the identity.
            UpstreamError: one of them can't be asked.
        """
        name = host.lower()
        if name not in self._hosts:
            return None
        with self._lock:
            token, until = self._kept.get(name, ("", 0.0))
            if until - self._clock() <= _MARGIN:
                token = self._exchanged(name)
                self._kept[name] = (token, min(_end_of(token), self._clock() + _LONGEST))
        return Credential(user=NOBODY, refresh_token=token, own_realm=True)

    def _exchanged(self, host: str) -> str:
        token = entra_token(self._tokens(), self._scope)
        url = f"https://{host}/oauth2/exchange"
        form = urlencode({"grant_type": "access_token", "service": host, "access_token": token}).encode()
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        try:
            answer = self._http.request(
                "POST", url, headers=sent, body=form, limit=_ANSWER_BYTES, retried=True
            )  # asking twice makes two tokens, of which one is used
        except UnauthorizedUpstreamError as error:
            message = f"`{host}` does not take the gate's Entra identity"
            raise UnauthorizedUpstreamError(message, hint=_HINT, code="acr_refused", **error.facts) from None
        match parse_json(answer.body, url):
            case {"refresh_token": str(refresh)} if _TOKEN.fullmatch(refresh):
                return refresh
            case _:
                message = f"`{host}` exchanged an Entra token for something that is no token"
                raise UpstreamError(message, code="bad_token")


def entra_token(tokens: EntraTokens, scope: str) -> str:
    """Return a token for the scope.

    Raises:
        UnauthorizedUpstreamError: `azure_sign_in_refused`.
        UpstreamError: `azure_sign_in_failed`: nobody could be asked.
    """
    from azure.core.exceptions import AzureError, ClientAuthenticationError  # noqa: PLC0415 - an extra, and slow

    try:
        token: str = tokens.get_token(scope).token
    except GateError:
        raise
    except ClientAuthenticationError as error:
        message = f"Azure does not sign the gate in: {short(error)}"
        hint = "check the AZURE_… variables, the tenant and the identity's federation or secret"
        raise UnauthorizedUpstreamError(message, code="azure_sign_in_refused", hint=hint) from None
    except (AzureError, OSError, ValueError) as error:
        message = f"Azure can't be asked to sign the gate in: {short(error)}"
        raise UpstreamError(message, code="azure_sign_in_failed", hint="check the network, then try again") from None
    return token


def short(error: Exception) -> str:
    """Return what an error of Microsoft's libraries says, in one line, without what may be secret."""
    return redact(" ".join(str(error).split()))[:300] or type(error).__name__


def _end_of(token: str) -> float:
    """Return when a refresh token ends, by its own word, which nobody here can check: it only says when to ask anew."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return 0.0
