"""Who calls. Until tokens are checked the service speaks to this machine alone, and identities are claims."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated

from fastapi import Header

from gate.errors import ForbiddenError, UsageError
from gate.exceptions.identity import parse_claimed
from gate.exceptions.remote import CLAIMED
from gate.model.principal import Principal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine and no other: `localhost`, or an address of the loopback range."""
    if host.lower() in _NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_others(host: str) -> None:
    """Refuse to listen on anything that another machine could reach.

    Raises:
        UsageError: `not_loopback`.
    """
    if not is_loopback(host):
        message = f"the service does not listen on `{host}`: callers are not identified yet"
        raise UsageError(message, code="not_loopback", hint="listen on 127.0.0.1")


def caller(claimed: Annotated[str, Header(alias=CLAIMED)] = "") -> Principal:
    """Return who says they call.

    Raises:
        ForbiddenError: nobody is named (`identity_missing`).
    """
    if not claimed:
        message = "nobody is named as the caller"
        raise ForbiddenError(message, code="identity_missing", hint=f"send `{CLAIMED}: tenant/object-id`")
    return parse_claimed(claimed)


class LoopbackOnly:
    """Answers callers on this machine that name it by its own name, so that no web page can call through a browser."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what comes from, or is addressed to, anything but this machine."""
        if scope["type"] == "http" and not self._is_ours(scope):
            from gate.service.problems import problem  # noqa: PLC0415 - only the refusal needs it

            answer = problem(403, "not_loopback", "the service answers this machine alone", "call 127.0.0.1")
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        client = scope.get("client")
        named = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        host = named.rsplit(":", 1)[0] if named.rpartition(":")[2].isdigit() else named
        return client is not None and is_loopback(client[0]) and is_loopback(host)
