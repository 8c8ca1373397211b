"""Who calls. Until tokens are checked the service speaks to this machine alone, and identities are claims."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from gate.errors import ForbiddenError, UsageError
from gate.exceptions.identity import parse_claimed
from gate.exceptions.remote import CLAIMED
from gate.http.address import is_loopback
from gate.model.principal import Principal

_EXAMPLE = "contoso/alice"


def refuse_others(host: str) -> None:
    """Refuse to listen on anything that another machine could reach.

    Raises:
        UsageError: `not_loopback`.
    """
    if not is_loopback(host):
        message = f"the service does not listen on `{host[:80]}`: callers are not identified yet"
        raise UsageError(message, code="not_loopback", hint="listen on 127.0.0.1")


def caller(
    claimed: Annotated[
        str, Header(alias=CLAIMED, description="`tenant/object-id` of who calls, as claimed.", examples=[_EXAMPLE])
    ] = "",
) -> Principal:
    """Return who says they call.

    Raises:
        ForbiddenError: nobody is named (`identity_missing`).
        UsageError: the name can't be told from others (`identity_unclear`).
    """
    if not claimed:
        message = "nobody is named as the caller"
        raise ForbiddenError(message, code="identity_missing", hint=f"send `{CLAIMED}: tenant/object-id`")
    return parse_claimed(claimed)
