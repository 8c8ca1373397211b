"""`/v1/evaluations`: submit an image with its environment, follow what becomes of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from gate.account import Account, account_of
from gate.callers.roles import Permission
from gate.environment.whole import whole
from gate.errors import ConflictError
from gate.model.base import Value
from gate.model.image import ImageRef
from gate.model.principal import Principal
from gate.model.reference import Declared
from gate.registry.reference import parse_image_ref
from gate.reports.evaluation_json import render
from gate.service.answers import answer
from gate.service.bundle import Bundle, read_bundle
from gate.service.caller import caller
from gate.service.state import State, Stated
from gate.service.tokens import needs
from gate.store.engine import reading
from gate.store.evaluations import FINAL, Evaluation, Evaluations
from gate.store.submissions import Submissions

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"])

_LONGEST_WAIT = 30.0
_LOOK_SECONDS = 0.25
_RUN_CHARACTERS = 32


class Submitted(Value):
    """What is submitted: the image as its place names it, and the files that declare its environment."""

    image: str = Field(min_length=1, max_length=1024, examples=["registry.example.org/staging/app:1"])
    environment: Bundle


@router.post("", status_code=202, response_model=Account, openapi_extra=needs(Permission.EVALUATE))
def submit(
    request: Request,
    submitted: Submitted,
    state: Stated,
    who: Annotated[Principal, Depends(caller)],
    idempotency_key: Annotated[str, Header(max_length=200, description="The same key is the same evaluation.")] = "",
) -> Response:
    """Take an image in. It is resolved to its digest now, once; the answer says where to follow the evaluation.

    The same image, environment and policy while an evaluation is open is that evaluation, whoever asks. The same
    `Idempotency-Key` of the same caller is, for ever, the evaluation that it began or joined; with other content it
    is refused.
    """
    ref = parse_image_ref(submitted.image)
    run = _run_of(idempotency_key, who)

    def environment() -> Declared:
        return whole(read_bundle(submitted.environment, state.gate.config.definition))

    row = _standing(state, run)
    if row is None:
        submission = state.gate.take_in(ref, environment, state.policy, who)
        row = state.gate.intake.submit(submission, who, run=run)
    else:
        _refuse_other(row, ref, environment())
    headers = {"Location": f"/v1/evaluations/{row.id}"}
    return _answer(request, account_of(state.gate.engine, row.id), status=202, headers=headers)


@router.get("/{evaluation}", response_model=Account, openapi_extra=needs(Permission.READ))
async def show(
    request: Request,
    evaluation: str,
    state: Stated,
    wait: Annotated[float, Query(ge=0, le=_LONGEST_WAIT, description="Seconds to wait for its end.")] = 0.0,
) -> Response:
    """Give the account of an evaluation; with `wait` it answers when the evaluation ends, or then."""
    until = time.monotonic() + wait
    while True:
        if await run_in_threadpool(_ended, state, evaluation) or time.monotonic() >= until:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return _answer(request, await run_in_threadpool(account_of, state.gate.engine, evaluation))


def _run_of(key: str, who: Principal) -> str:
    if not key:
        return ""
    return "EVL-" + hashlib.sha256(f"{who.key}\0{key}".encode()).hexdigest()[:_RUN_CHARACTERS]


def _standing(state: State, run: str) -> Evaluation | None:
    if not run:
        return None
    with reading(state.gate.engine) as connection:
        joined = Submissions(connection).find(run)
        if joined is None:
            return Evaluations(connection).find(run)
        # By the tag that this caller named: whoever began the run may have named another one of the same digest.
        return Evaluations(connection).get(joined.evaluation).model_copy(update={"tag": joined.tag})


def _refuse_other(row: Evaluation, ref: ImageRef, declared: Declared) -> None:
    """Refuse a key that began or joined another evaluation.

    Nothing is resolved again: the tag may have moved since, or may be gone because of this very evaluation.
    """
    named = row.repository == ref.place and row.tag == ref.tag and ref.digest in {None, row.digest}
    if not named or row.environment_digest != declared.fingerprint():
        message = "this `Idempotency-Key` stands for the evaluation of another image or environment"
        hint = "use a new `Idempotency-Key`"
        raise ConflictError(message, code="idempotency_mismatch", hint=hint, evaluation=row.id)


def _ended(state: State, evaluation: str) -> bool:
    with reading(state.gate.engine) as connection:
        return Evaluations(connection).get(evaluation).state in FINAL


def _answer(request: Request, account: Account, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    said = {**(headers or {}), "Gate-Exit-Code": str(account.exit_code), "Gate-State": account.state}
    return answer(request, render(account).encode(), status=status, headers=said)
