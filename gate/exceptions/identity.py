"""Who may act in the workflow: identities that can be told apart, compared by what their owners can't change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.exceptions.refusals import RefusedError, Why, refusal
from gate.model.principal import SYSTEM, Principal

if TYPE_CHECKING:
    from gate.model.exception import ExceptionRequest

# Entra's object ids are UUIDs. Claimed names are held to ASCII, so that two that look alike are not two people.
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


def parse_claimed(text: str) -> Principal:
    """Read `tenant/object-id` as somebody claims it.

    Raises:
        UsageError: `identity_unclear`.
    """
    tenant, slash, object_id = text.partition("/")
    try:
        if not slash:
            raise refusal(Why.IDENTITY_UNCLEAR, problem="no `/` between tenant and object id")
        return checked(Principal(tenant=tenant, object_id=object_id))
    except RefusedError as error:
        raise UsageError(error.message, code=error.error_code, hint=error.hint) from error


def checked(principal: Principal) -> Principal:
    """Return an identity that can be told from every other and that is not the gate's own.

    Raises:
        RefusedError: `identity_unclear`.
    """
    for name, part in (("tenant", principal.tenant), ("object id", principal.object_id)):
        if not _PART.fullmatch(part):
            raise refusal(Why.IDENTITY_UNCLEAR, problem=f"{name} is blank or has odd characters")
    if same(principal, SYSTEM):
        raise refusal(Why.IDENTITY_UNCLEAR, problem="nobody acts as the gate itself")
    return principal


def same(left: Principal, right: Principal) -> bool:
    """Say whether two identities are one person, however each was spelt."""
    return left.key.casefold() == right.key.casefold()


def filed_by(request: ExceptionRequest, principal: Principal) -> bool:
    """Say whether this identity filed the request. The gate, which opens drafts, files none."""
    return not same(request.requester, SYSTEM) and same(request.requester, principal)
