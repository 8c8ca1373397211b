"""What a desk for exceptions does for people, whether it stands in this process or behind a server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

from pydantic import Field, model_validator

from gate.errors import UsageError
from gate.model.base import Value, format_instant, unsaid
from gate.model.exception import ExceptionRequest, Grant, Justification, RequestState, Subject
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.exceptions.workflow import Terms
    from gate.model.principal import Principal

PAGE = 100
"""Most requests of one answer."""


class Filing(Value):
    """What is filed: a request that stands already, by its id, or a subject; and the reason."""

    request: str = ""
    subject: Subject | None = None
    origin: str = ""
    reason: str
    justification: Justification | None = Field(default=None, exclude_if=unsaid)
    """Why a vulnerability does not affect the thing: of a request to waive one, and of no other."""

    @model_validator(mode="after")
    def _one(self) -> Filing:
        if bool(self.request) == (self.subject is not None):
            message = "name either a request or a subject"
            raise ValueError(message)
        return self


class Wanted(Value):
    """Which requests to list: all conditions that are set hold. `cursor` is the `next` of the page before."""

    state: RequestState | None = None
    repository: str = ""
    kind: Kind | None = None
    name: str = ""
    cursor: str = ""
    limit: int = Field(default=PAGE, ge=1, le=PAGE)


class Shown(Value):
    """One request as it stands, the grant that its last round led to, and how often it was changed."""

    request: ExceptionRequest
    grant: Grant | None = None
    version: int


class Page(Value):
    """Requests, newest first; `next` is the cursor of the next page, empty if this is the last."""

    version: Literal["gate.exceptions/1"] = "gate.exceptions/1"
    requests: tuple[ExceptionRequest, ...]
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file handed in for approval: its own name, and its bytes as a seekable stream."""

    filename: str
    stream: BinaryIO


class Desk(Protocol):
    """Where exceptions are asked for and decided on.

    Raises (all methods):
        RefusedError, WrongStateError, WrongContentError: see `refusals.REFUSALS`.
        NotFoundError: there is no such request.
        StoreError: the database or the storage failed; nothing was changed.
    """

    def request(self, filing: Filing, requester: Principal, *, now: datetime) -> Shown:
        """File a request; the same once more by the same identity is the one that stands."""
        ...

    def list(self, wanted: Wanted) -> Page:
        """Return one page of requests."""
        ...

    def show(self, request_id: str) -> Shown:
        """Return one request."""
        ...

    def approve(
        self, request_id: str, uploads: Sequence[Upload], approver: Principal, terms: Terms, *, now: datetime
    ) -> Shown:
        """Approve a request for the bytes of these files."""
        ...

    def deny(
        self, request_id: str, approver: Principal, reason: str, *, now: datetime, expected: int | None = None
    ) -> Shown:
        """Deny a request; `expected` is the version on which is decided."""
        ...


def cursor_of(request: ExceptionRequest) -> str:
    """Return the cursor that stands for the requests after this one."""
    return f"{format_instant(request.opened_at)}~{request.id}"


def parse_cursor(cursor: str) -> tuple[datetime, str]:
    """Read a cursor.

    Raises:
        UsageError: `bad_cursor`.
    """
    instant, mark, request_id = cursor.partition("~")
    try:
        opened_at = datetime.fromisoformat(instant)
        known = format_instant(opened_at) == instant
    except (ValueError, OverflowError):
        known = False
    if not known or not mark or not request_id.startswith("EXR-"):
        message = "not a cursor of this list"
        raise UsageError(message, code="bad_cursor", hint="take the `next` of the page before, unchanged")
    return opened_at, request_id
