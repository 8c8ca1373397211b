"""`/v1/exceptions`: ask for an exception, look at requests, approve or deny them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from pydantic import Field

from gate.callers.roles import Permission
from gate.exceptions.identity import filed_by
from gate.exceptions.interface import PAGE, Filing, Page, Shown, Upload, Wanted
from gate.exceptions.workflow import Terms
from gate.model.base import Value
from gate.model.exception import RequestState, Scope
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.service.answers import answer
from gate.service.caller import caller, may
from gate.service.state import Stated
from gate.service.tokens import lacking, needs
from gate.wiring import clock

router = APIRouter(prefix="/v1/exceptions", tags=["exceptions"])


_LARGEST = 2**31 - 1
_CREATED = 201


class Denial(Value):
    """Why a request is denied, and on which version of it that was decided."""

    reason: str
    expected: int | None = Field(default=None, ge=1, le=_LARGEST)


@router.get("", response_model=Page, openapi_extra=needs(Permission.READ))
def listing(  # noqa: PLR0913, PLR0917 - one parameter a condition
    request: Request,
    state: Stated,
    wanted_state: Annotated[RequestState | None, Query(alias="state")] = None,
    repository: str = "",
    kind: Kind | None = None,
    name: str = "",
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> Response:
    """List requests, newest first; `next` is the cursor of the next page."""
    wanted = Wanted(state=wanted_state, repository=repository, kind=kind, name=name, cursor=cursor, limit=limit)
    return answer(request, state.gate.desk.list(wanted).model_dump_json().encode())


@router.post("", status_code=201, response_model=Shown, openapi_extra=needs(Permission.REQUEST))
def file(request: Request, filing: Filing, state: Stated, who: Annotated[Principal, Depends(caller)]) -> Response:
    """File a request, or give a draft its reason. The same once more by the same caller is the one that stands."""
    return _shown(request, state.gate.desk.request(filing, who, now=clock()), status=201)


@router.get("/{request_id}", response_model=Shown, openapi_extra=needs(Permission.READ))
def show(request: Request, request_id: str, state: Stated) -> Response:
    """Show one request; the ETag is its version."""
    return _shown(request, state.gate.desk.show(request_id))


@router.post("/{request_id}/approve", response_model=Shown, openapi_extra=needs(Permission.DECIDE))
def approve(  # noqa: PLR0913, PLR0917 - one parameter a field
    request: Request,
    request_id: str,
    state: Stated,
    who: Annotated[Principal, Depends(caller)],
    file: Annotated[list[UploadFile] | None, File()] = None,
    scope: Annotated[list[str] | None, Form()] = None,
    duration: Annotated[timedelta | None, Form()] = None,
    comment: Annotated[str, Form()] = "",
    ticket: Annotated[str, Form()] = "",
    expected: Annotated[int | None, Form(ge=1, le=_LARGEST)] = None,
) -> Response:
    """Approve a request for the bytes of the files sent; never by the one who asked."""
    terms = Terms(
        duration=duration,
        scope=Scope(repositories=tuple(scope)) if scope else None,
        comment=comment,
        ticket=ticket,
        expected=expected,
    )
    uploads = [Upload(filename=sent.filename or "", stream=sent.file) for sent in file or []]
    return _shown(request, state.gate.desk.approve(request_id, uploads, who, terms, now=clock()))


@router.post(
    "/{request_id}/deny",
    response_model=Shown,
    openapi_extra=needs(Permission.DECIDE, Permission.REQUEST),
)
def deny(
    request: Request,
    request_id: str,
    denial: Denial,
    state: Stated,
    who: Annotated[Principal, Depends(caller)],
) -> Response:
    """Deny a request, with a reason. Whoever filed it may take it back."""
    if not may(request, Permission.DECIDE) and not filed_by(state.gate.desk.show(request_id).request, who):
        raise lacking(Permission.DECIDE)
    shown = state.gate.desk.deny(request_id, who, denial.reason, now=clock(), expected=denial.expected)
    return _shown(request, shown)


def _shown(request: Request, shown: Shown, status: int = 200) -> Response:
    headers = {"Location": f"/v1/exceptions/{shown.request.id}"} if status == _CREATED else None
    return answer(request, shown.model_dump_json().encode(), tag=str(shown.version), status=status, headers=headers)
