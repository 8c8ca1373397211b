"""What a gate service answers when it did not work, turned back into the error that it means.

The refusals of the exception workflow have families of their own; everything else goes by its status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from gate.errors import (
    ConflictError,
    ForbiddenError,
    GateError,
    InputError,
    NotFoundError,
    StoreError,
    UnauthorizedError,
    UpstreamError,
    UsageError,
)
from gate.exceptions.plain import plain
from gate.exceptions.refusals import REFUSALS, Why
from gate.http.address import show

if TYPE_CHECKING:
    from gate.http.answer import Answer

REFUSED = frozenset({400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422})
"""The statuses that say that the caller has to mend something."""

FAILED = frozenset({500, 502, 503})
"""The statuses with which a service says that it, or what it depends on, failed."""

_SERVER = 500
_ERRORS: dict[int, type[GateError]] = {
    400: UsageError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: ConflictError,
    503: StoreError,
}


class _Said(BaseModel):
    """What is read of a problem; the rest is for other readers."""

    code: str
    detail: str
    hint: str = ""
    facts: dict[str, str] = Field(default_factory=dict)


def error_of(answer: Answer) -> GateError:
    """Return the error that the service means, so that it ends here as it would have in this process."""
    try:
        said = TypeAdapter(_Said).validate_json(answer.body)
    except ValidationError:
        return odd(answer)
    kind = _ERRORS.get(answer.status, UpstreamError if answer.status >= _SERVER else InputError)
    if said.code in set(Why):
        kind = REFUSALS[Why(said.code)].kind
    error = kind(plain(said.detail), code=plain(said.code), hint=plain(said.hint))
    error.facts.update({plain(name): plain(value) for name, value in said.facts.items()})
    return error


def odd(answer: Answer) -> UpstreamError:
    """Return the error for an answer that no gate gives."""
    message = f"`{show(answer.url)}` answered something that is no gate's answer"
    hint = "check the address in `--server`, and that client and service have the same version"
    return UpstreamError(message, code="service_answer", hint=hint, status=answer.status)
