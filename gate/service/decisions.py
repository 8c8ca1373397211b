"""`/v1/decisions`: what was decided, found by digest, place, outcome and time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator

from gate.callers.roles import Permission
from gate.errors import UsageError
from gate.model.base import Instant, Value, format_instant
from gate.model.decision import Decision, Outcome
from gate.model.digest import Digest, is_digest
from gate.service.answers import answer
from gate.service.state import Stated
from gate.service.tokens import needs
from gate.store.decisions import PAGE, DecisionFilter, DecisionRow, Decisions
from gate.store.engine import reading

router = APIRouter(prefix="/v1/decisions", tags=["decisions"])

_PARTS = 3
_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")


def _written(text: object) -> object:
    if not isinstance(text, str) or not _WRITTEN.match(text):
        message = "an instant is written as `2026-11-23T12:00:00Z`"
        raise ValueError(message)
    return text


WrittenInstant = Annotated[Instant, BeforeValidator(_written)]
"""An instant in RFC 3339's form: a bare number is somebody's mistake, whatever it counts."""


class DecisionPage(Value):
    """Decisions, newest first; `next` is the cursor of the next page, empty if this is the last."""

    version: Literal["gate.decisions/1"] = "gate.decisions/1"
    decisions: tuple[DecisionRow, ...]
    next: str = ""


@router.get("", response_model=DecisionPage, openapi_extra=needs(Permission.READ))
def listing(  # noqa: PLR0913, PLR0917 - one parameter a condition
    request: Request,
    state: Stated,
    evaluation: str = "",
    subject: Annotated[Digest | None, Query(description="Digest of the image.")] = None,
    repository: str = "",
    outcome: Outcome | None = None,
    since: WrittenInstant | None = None,
    until: WrittenInstant | None = None,
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> Response:
    """List decisions: all conditions that are given hold; `until` itself is outside."""
    wanted = DecisionFilter(
        evaluation=evaluation,
        subject=subject,
        repository=repository,
        outcome=outcome,
        since=since,
        until=until,
        before=_parse(cursor) if cursor else None,
    )
    with reading(state.gate.engine) as connection:
        rows = Decisions(connection).find(wanted, limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    page = DecisionPage(decisions=rows[:limit], next=_cursor(last) if last else "")
    return answer(request, page.model_dump_json().encode())


@router.get("/{digest}", response_model=Decision, openapi_extra=needs(Permission.READ))
def show(request: Request, digest: Digest, state: Stated) -> Response:
    """Return a decision in the very bytes that its digest is of."""
    with reading(state.gate.engine) as connection:
        decision = Decisions(connection).get(digest)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return answer(request, decision.canonical(), tag=digest, headers=headers)


def _cursor(row: DecisionRow) -> str:
    return f"{format_instant(row.decided_at)}~{row.digest}~{row.evaluation}"


def _parse(cursor: str) -> tuple[datetime, str, str]:
    instant, digest, evaluation = [*cursor.split("~", _PARTS - 1), "", ""][:_PARTS]
    try:
        decided_at = datetime.fromisoformat(instant)
        sound = format_instant(decided_at) == instant and is_digest(digest) and bool(evaluation)
    except (ValueError, OverflowError):
        sound = False
    if not sound:
        message = "not a cursor of this list"
        raise UsageError(message, code="bad_cursor", hint="take the `next` of the page before")
    return decided_at, digest, evaluation
