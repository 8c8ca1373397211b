"""`/v1/discards`: what was discarded and how its bytes stand; hold an image, release a hold."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from gate.callers.roles import Permission
from gate.holds import Hold, Holds
from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.principal import Principal
from gate.reports.discards import Discards, discards_in
from gate.service.answers import answer
from gate.service.caller import caller
from gate.service.decisions import WrittenInstant
from gate.service.state import Stated
from gate.service.tokens import needs
from gate.store.engine import reading
from gate.wiring import clock

router = APIRouter(prefix="/v1/discards", tags=["discards"])

_PAGE = 100


class Placing(Value):
    """What is held, why, and until when; without an end it stands until somebody releases it."""

    digest: Digest
    reason: str = Field(min_length=1, max_length=1000)
    until: WrittenInstant | None = None


class Releasing(Value):
    """Why a hold is released."""

    reason: str = Field(min_length=1, max_length=1000)


class Wanted(Value):
    """Which page of what; a parameter that nobody knows is a mistake, and no condition that holds for everything."""

    ended: bool = Field(default=False, description="Also what is deleted or was restored.")
    cursor: str = ""
    limit: int = Field(default=_PAGE, ge=1, le=_PAGE)


@router.get("", response_model=Discards, openapi_extra=needs(Permission.READ))
def listing(request: Request, state: Stated, wanted: Annotated[Wanted, Query()]) -> Response:
    """List what lies hidden and when it is deleted, and who holds what; `next` is the cursor of the next page."""
    holds = Holds(state.gate.engine).listed()
    with reading(state.gate.engine) as connection:
        found = discards_in(connection, holds, now=clock(), ended=wanted.ended, after=wanted.cursor, limit=wanted.limit)
    return answer(request, found.model_dump_json(by_alias=True).encode())


@router.post("/holds", status_code=201, response_model=Hold, openapi_extra=needs(Permission.HOLD))
def place(request: Request, placing: Placing, state: Stated, who: Annotated[Principal, Depends(caller)]) -> Response:
    """Keep an image from being deleted. The same hold by the same caller, while it stands, is that hold.

    `late` says that its deletion was under way: what that had not reached yet is kept.
    """
    made = Holds(state.gate.engine).place(placing.digest, placing.reason, who, now=clock(), until=placing.until)
    return answer(request, made.model_dump_json().encode(), status=201)


@router.post("/holds/{hold}/release", response_model=Hold, openapi_extra=needs(Permission.HOLD))
def release(
    request: Request, hold: str, releasing: Releasing, state: Stated, who: Annotated[Principal, Depends(caller)]
) -> Response:
    """Release a hold; what is due by then is deleted at the next turn. Released once, it stays released."""
    made = Holds(state.gate.engine).release(hold, releasing.reason, who, now=clock())
    return answer(request, made.model_dump_json().encode())
