"""Who calls: whom the token proves. A service that takes no tokens takes claims, and speaks to this machine alone."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request

from gate.callers.roles import Caller, Permission
from gate.errors import ForbiddenError, UnauthorizedError, UsageError
from gate.exceptions.identity import parse_claimed
from gate.exceptions.remote import CLAIMED
from gate.http.address import is_loopback
from gate.model.principal import Principal
from gate.service.state import state_of
from gate.service.tokens import PROVED

_EXAMPLE = "contoso/alice"


def refuse_others(host: str) -> None:
    """Refuse to listen on anything that another machine could reach.

    Raises:
        UsageError: `not_loopback`.
    """
    if not is_loopback(host):
        message = f"the service does not listen on `{host[:80]}`: it takes claims for identities"
        hint = "listen on 127.0.0.1, or have callers prove who they are: `GATE_TOKEN_AUDIENCES`"
        raise UsageError(message, code="not_loopback", hint=hint)


def caller(
    request: Request,
    claimed: Annotated[
        str, Header(alias=CLAIMED, description="`tenant/object-id` of who calls, as claimed.", examples=[_EXAMPLE])
    ] = "",
) -> Principal:
    """Return who calls, proved by a token, or who says they call where the service takes no tokens.

    Raises:
        UnauthorizedError: the service takes tokens, and nobody checked one (`token_missing`).
        ForbiddenError: nobody is named (`identity_missing`).
        UsageError: the name can't be told from others (`identity_unclear`).
    """
    proved: Caller | None = request.scope.get(PROVED)
    if proved is not None:
        return proved.principal
    if state_of(request).gate.config.tokens is not None:
        message = "nobody proved who calls"
        raise UnauthorizedError(message, code="token_missing", hint="send an Entra access token")
    if not claimed:
        message = "nobody is named as the caller"
        raise ForbiddenError(message, code="identity_missing", hint=f"send `{CLAIMED}: tenant/object-id`")
    return parse_claimed(claimed)


def may(request: Request, *wanted: Permission) -> bool:
    """Say whether the caller has one of these permissions; whoever only claims who they are has all."""
    proved: Caller | None = request.scope.get(PROVED)
    return proved is None or proved.may(*wanted)
