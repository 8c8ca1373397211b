"""Turn errors into problems (RFC 9457), once. A problem says the code, what was wrong, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gate.errors import GateError
from gate.model.failure import Failure
from gate.model.redact import redact

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
_UNFORESEEN = 500


def install(app: FastAPI) -> None:
    """Have every error of the application answered as a problem."""
    app.add_exception_handler(GateError, _gate_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)


def problem(status: int, code: str, detail: str, hint: str = "", facts: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem document. `type` is a name, not an address: `about:blank` would say less."""
    body: dict[str, Any] = {"type": f"urn:gate:problem:{code}", "title": code.replace("_", " "), "status": status}
    body |= {"detail": redact(detail), "code": code, "hint": hint, "facts": facts or {}}
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE)


async def _gate_error(request: Request, error: Exception) -> JSONResponse:
    del request
    failure = Failure.of(error)
    status = error.status if isinstance(error, GateError) else _UNFORESEEN
    return problem(status, failure.code, failure.message, failure.hint, failure.facts)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    del request
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    detail = "; ".join(f"`{'.'.join(str(part) for part in one['loc'])}`: {one['msg']}" for one in errors)
    return problem(422, "request_invalid", detail, "unknown fields are refused: see `/openapi.json`")


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else _UNFORESEEN
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "bad_request")
    return problem(status, code, f"{request.method} {request.url.path}: {getattr(error, 'detail', '')}")


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    del request
    failure = Failure.of(error)
    return problem(_UNFORESEEN, failure.code, failure.message, failure.hint)
