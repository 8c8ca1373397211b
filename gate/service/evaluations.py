"""`/v1/evaluations`: submit an image with its environment, follow what becomes of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from gate.account import Account, account_of
from gate.environment.check import merge
from gate.environment.reader import read_definition
from gate.errors import GateError, InputError
from gate.evaluation import Submission
from gate.model.base import Value
from gate.model.principal import Principal
from gate.model.reference import Declared, Severity
from gate.registry.reference import parse_image_ref
from gate.reports.evaluation_json import render
from gate.service.bundle import Bundle, unpacked
from gate.service.caller import caller
from gate.service.state import State, state_of
from gate.store.evaluations import FINAL, EvaluationState

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"])

_LONGEST_WAIT = 30.0
_LOOK_SECONDS = 0.25


class Submitted(Value):
    """What is submitted: the image as its place names it, and the files that declare its environment."""

    image: str = Field(min_length=1, max_length=1024)
    environment: Bundle


@router.post("", status_code=202, response_model=None)
def submit(
    submitted: Submitted,
    state: Annotated[State, Depends(state_of)],
    who: Annotated[Principal, Depends(caller)],
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> Response:
    """Take an image in. It is resolved to its digest now, once; the answer says where to follow the evaluation.

    The same image, environment and policy while an evaluation is open is that evaluation. The same `Idempotency-Key`
    is the same evaluation for ever.
    """
    ref = parse_image_ref(submitted.image)
    try:
        declared = _read(submitted.environment, state)
        pinned = state.gate.world.waiting(ref, state.policy)
    except GateError as error:
        error.facts["evaluation"] = state.gate.intake.refuse(ref.place, ref.tag, who, error)
        raise
    submission = Submission(ref=pinned, environment=declared, policy=state.policy)
    row = state.gate.intake.submit(submission, who, run=_run_of(idempotency_key, who))
    answer = _answer(account_of(state.gate.engine, row.id), status=202)
    answer.headers["Location"] = f"/v1/evaluations/{row.id}"
    return answer


@router.get("/{evaluation}", response_model=None)
async def show(
    evaluation: str,
    state: Annotated[State, Depends(state_of)],
    wait: Annotated[float, Query(ge=0, le=_LONGEST_WAIT, description="Seconds to wait for its end.")] = 0.0,
) -> Response:
    """Give the account of an evaluation; with `wait` it answers when the evaluation ends, or then."""
    until = time.monotonic() + wait
    while True:
        account = await run_in_threadpool(account_of, state.gate.engine, evaluation)
        if EvaluationState(account.state) in FINAL or time.monotonic() >= until:
            return _answer(account)
        await asyncio.sleep(_LOOK_SECONDS)


def _read(bundle: Bundle, state: State) -> Declared:
    bounds = state.gate.config.definition
    with unpacked(bundle, bounds) as (root, entries):
        declared = merge([read_definition(entry, root, bounds) for entry in entries])
    problem = next((one for one in declared.problems if one.severity is Severity.ERROR), None)
    if problem is not None:
        message = f"`{problem.file}` line {problem.line} can't be read: {problem.message}"
        raise InputError(message, code="definition_unreadable", hint="mend the file", problem=problem.code)
    return declared


def _run_of(key: str, who: Principal) -> str:
    if not key:
        return ""
    return "EVL-" + hashlib.sha256(f"{who.key}\0{key}".encode()).hexdigest()[:32]


def _answer(account: Account, status: int = 200) -> Response:
    body = render(account)
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Gate-Exit-Code": str(account.exit_code), "Gate-State": account.state}
    return Response(json.dumps(json.loads(body)), status_code=status, media_type="application/json", headers=headers)
