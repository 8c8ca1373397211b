"""`/healthz` says that the process answers, `/readyz` that it can do its work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from gate.service.state import Stated
from gate.store.engine import reading
from gate.store.schema import check_schema

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """How it is."""

    status: Literal["alive", "ready"]


@router.get("/healthz")
async def alive() -> Health:
    """Answer."""
    return Health(status="alive")


@router.get("/readyz")
def ready(state: Stated) -> Health:
    """Look at the database; a problem with status 503 if it can't be used."""
    with reading(state.gate.engine) as connection:
        check_schema(connection)
    return Health(status="ready")
