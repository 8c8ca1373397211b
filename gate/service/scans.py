"""`/v1/scans`: a scanner hands in its own report about an image. Only a proved identity can."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from gate.callers.roles import Permission
from gate.findings.proof.interface import FiledScan
from gate.findings.proof.sarif import VERSION
from gate.model.digest import Digest
from gate.model.principal import Principal
from gate.scans import LedgeredScans
from gate.service.answers import answer
from gate.service.caller import caller
from gate.service.state import Stated
from gate.service.tokens import needs
from gate.wiring import clock

router = APIRouter(prefix="/v1/scans", tags=["scans"])

MEDIA_TYPES = ("application/sarif+json", "application/json")
_REPORT = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": VERSION},
        "runs": {"type": "array", "minItems": 1, "items": {"type": "object"}},
    },
}
_BODY = {"requestBody": {"required": True, "content": {name: {"schema": _REPORT} for name in MEDIA_TYPES}}}


@router.post("/{digest}", status_code=201, response_model=FiledScan, openapi_extra=needs(Permission.SCAN) | _BODY)
async def hand_in(
    request: Request, digest: Digest, state: Stated, who: Annotated[Principal, Depends(caller)]
) -> Response:
    """File a SARIF report about the image of this digest. The same by the same scanner is kept once.

    The answer says what is kept and whether it proves a scan: it does if policy names this identity as a scanner, who
    did not ask for the image's release, and if the report itself names the digest and its scan finished.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise HTTPException(415, f"a report is sent as `{MEDIA_TYPES[0]}`")
    report = await request.body()

    def filed() -> FiledScan:
        config = state.gate.config
        scans = LedgeredScans(state.gate.engine, most_bytes=config.defender.artifact_bytes)
        return scans.hand_in(digest, report, who, state.policy.decision.findings.defender, now=clock())

    made = await run_in_threadpool(filed)
    return answer(request, made.model_dump_json(by_alias=True).encode(), status=201)
