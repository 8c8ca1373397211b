"""Turn errors into problems (RFC 9457), once. A problem says the code, what was wrong, and what to do."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from gate.errors import BusyError, GateError, UnavailableUpstreamError
from gate.exceptions.plain import plain
from gate.model.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"

_UNFORESEEN = 500
_NOT_ALLOWED = 405
_UNAUTHORIZED = 401
_ROLES = frozenset({"role_missing", "role_lacking"})
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_CODES = {
    404: ("not_found", "see `/openapi.json` for what there is"),
    405: ("method_not_allowed", "use a method of the header `Allow`"),
    408: ("body_late", "send the body faster, or raise the bound"),
    413: ("body_too_large", "send less, or raise the bound"),
    415: (
        "media_type",
        "send `application/json`, a form where files are sent, or a report as `application/sarif+json`",
    ),
}
_SHOWN_ERRORS = 20
_LONGEST = 2000


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457). `type` is a name, not an address: `about:blank` would say less."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; a contract with scripts.")
    hint: str = Field(description="What to do next.")
    facts: dict[str, str] = Field(description="What the message was made from, without secrets.")


RESPONSES: Mapping[int | str, dict[str, Any]] = {
    "default": {"model": ProblemDetails, "description": "It did not work; the code says why and the hint what to do."}
}
"""What every route may answer instead of what it is asked for."""


def install(app: FastAPI) -> None:
    """Have every known error of the application answered as a problem; see `edge` for the unforeseen."""
    app.add_exception_handler(GateError, _gate_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)


def problem(  # noqa: PLR0913 - the members of a problem
    status: int,
    code: str,
    detail: str,
    hint: str = "",
    *,
    facts: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem. What it quotes was sent by somebody: one printable line each, of bounded length, no secrets."""
    body = ProblemDetails(
        type=f"urn:gate:problem:{code}",
        title=code.replace("_", " "),
        status=status,
        detail=_short(detail),
        code=code,
        hint=_short(hint),
        facts={_short(name): _short(value) for name, value in (facts or {}).items()},
    )
    return Response(body.model_dump_json(), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def of_failure(error: Exception) -> Response:
    """Return the problem that an error is; of one that nobody foresaw the text is not shown."""
    failure = Failure.of(error)
    status = error.status if isinstance(error, GateError) else _UNFORESEEN
    headers = {}
    if isinstance(error, BusyError):
        headers["Retry-After"] = "1"
    if isinstance(error, UnavailableUpstreamError):
        headers["Retry-After"] = "10"
    challenge = _challenge(status, failure.code)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    return problem(status, failure.code, failure.message, failure.hint, facts=failure.facts, headers=headers or None)


def _challenge(status: int, code: str) -> str:
    """Return what RFC 6750 has a refusal say of tokens; codes are the gate's own words and need no escape."""
    if code in _ROLES:
        return 'Bearer realm="gate", error="insufficient_scope"'
    if status != _UNAUTHORIZED:
        return ""
    if code == "token_missing":
        return 'Bearer realm="gate"'
    return f'Bearer realm="gate", error="invalid_token", error_description="{code}"'


async def _gate_error(request: Request, error: Exception) -> Response:
    del request
    return of_failure(error)


async def _validation_error(request: Request, error: Exception) -> Response:
    del request
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    said = [f"`{'.'.join(str(part)[:80] for part in one['loc'])}`: {one['msg'][:300]}" for one in errors]
    more = [f"and {len(said) - _SHOWN_ERRORS} more"] if len(said) > _SHOWN_ERRORS else []
    detail = "; ".join((*said[:_SHOWN_ERRORS], *more))
    return problem(422, "request_invalid", detail, "unknown fields are refused: see `/openapi.json`")


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else _UNFORESEEN
    said = str(getattr(error, "detail", ""))
    code, hint = _CODES.get(status, ("bad_request", "see `/openapi.json` for what there is"))
    headers = {"Allow": ", ".join(_allowed(request))} if status == _NOT_ALLOWED else {}
    if said == http.HTTPStatus(status).phrase:
        said = f"{request.scope.get('gate_method', request.method)} {request.url.path}: {said.lower()}"
    return problem(status, code, said, hint, headers=headers)


def _allowed(request: Request) -> list[str]:
    """Name the methods of a path; the router's own answer names those of the first route alone."""

    def full(method: str) -> bool:
        scope = {**request.scope, "method": "GET" if method == "HEAD" else method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in _METHODS if full(method)]


def _short(text: str) -> str:
    text = plain(text[: 2 * _LONGEST])
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
