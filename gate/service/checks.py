"""`/v1/checks`: would this environment pass? No image, no record."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from gate.environment.check import check_declared, merge
from gate.environment.reader import read_definition
from gate.reports.check_json import render
from gate.service.bundle import Bundle, unpacked
from gate.service.state import State, state_of
from gate.store.engine import reading
from gate.store.grants import Grants
from gate.wiring import clock

router = APIRouter(prefix="/v1/checks", tags=["checks"])


@router.post("", response_model=None)
def check(bundle: Bundle, state: Annotated[State, Depends(state_of)]) -> Response:
    """Check definitions against the safelist and the grants in force: what `gate check --format json` prints."""
    bounds = state.gate.config.definition
    with unpacked(bundle, bounds) as (root, entries):
        declared = merge([read_definition(entry, root, bounds) for entry in entries])
    with reading(state.gate.engine) as connection:
        grants = Grants(connection).all()
    report = check_declared(declared, state.policy, grants, clock())
    return Response(render(report), media_type="application/json")
