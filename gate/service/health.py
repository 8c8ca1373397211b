"""`/healthz` says that the process answers, `/readyz` that it can do its work."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from gate.service.state import State, state_of
from gate.store.engine import reading
from gate.store.schema import check_schema

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=None)
def alive() -> Response:
    """Answer."""
    return Response('{"status": "alive"}', media_type="application/json")


@router.get("/readyz", response_model=None)
def ready(state: Annotated[State, Depends(state_of)]) -> Response:
    """Look at the database; a problem with status 503 if it can't be used."""
    with reading(state.gate.engine) as connection:
        check_schema(connection)
    return Response('{"status": "ready"}', media_type="application/json")
