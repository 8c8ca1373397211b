"""The desk behind a gate service: `/v1/exceptions` over HTTP.

What it sends: `GET /v1/exceptions?state=&repository=&kind=&name=&cursor=&limit=` → Page; `POST /v1/exceptions` with a
Filing → Shown; `GET /v1/exceptions/{id}` → Shown; `POST …/{id}/approve`, a form with the fields `duration` (ISO 8601),
`scope` (repeatable), `comment`, `ticket`, `expected` and the files `file` → Shown; `POST …/{id}/deny` with `reason` and
`expected` as JSON → Shown. A failure is a problem (RFC 9457) with the members `code`, `hint` and `facts`. Who acts is
proved by a bearer token, or named in the header `Gate-Claimed-Principal` where the service takes claims.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar, Unpack
from urllib.parse import urlencode

from pydantic import ValidationError

from gate.errors import NotFoundError
from gate.exceptions.interface import Page, Shown
from gate.exceptions.multipart import Multipart
from gate.exceptions.problem import REFUSED, error_of, odd
from gate.http.address import origin_of
from gate.model.base import Value, canonical_json
from gate.model.principal import Principal, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from gate.exceptions.interface import Filing, Upload, Wanted
    from gate.exceptions.workflow import Terms
    from gate.http.answer import Answer
    from gate.http.client import HttpClient, Options

CLAIMED = "Gate-Claimed-Principal"
"""The header with `tenant/object-id` of who says they act."""

BY_TOKEN = Principal(tenant="gate", object_id="token-holder", kind=PrincipalKind.SERVICE)
"""Stands for whoever the token of a call proves: the service names them, and this is never sent."""

_ID = re.compile(r"EXR-[a-z2-7]{16}")
_JSON = {"Content-Type": "application/json"}
_Answered = TypeVar("_Answered", bound=Value)


class RemoteDesk:
    """Implements `gate.exceptions.interface.Desk`; the service's clock counts, so `now` is not sent.

    Raises (all methods):
        UpstreamError: the service can't be reached, or answers what it must not (`service_answer`).
    """

    def __init__(self, client: HttpClient, server: str, bearer: Callable[[], str] | None = None) -> None:
        """Name the service by its address; `/v1` is added here. UsageError if it is no address.

        `bearer` gives a token for each call; then whoever a method names as acting is not sent.
        """
        origin_of(server)
        self._bearer = bearer
        self._client = client
        self._base = f"{server.rstrip('/')}/v1/exceptions"

    def request(self, filing: Filing, requester: Principal, *, now: datetime) -> Shown:
        """POST what is filed; safe to send again, for the same filing is the request that stands."""
        del now
        body = canonical_json(filing.model_dump(mode="json"))
        return self._post(self._base, requester, body=body, headers=_JSON, retried=True)

    def list(self, wanted: Wanted) -> Page:
        """GET one page."""
        conditions = {name: value for name, value in wanted.model_dump(mode="json").items() if value}
        return self._get(f"{self._base}?{urlencode(conditions)}", Page)

    def show(self, request_id: str) -> Shown:
        """GET one request."""
        return self._get(self._one(request_id), Shown)

    def approve(
        self, request_id: str, uploads: Sequence[Upload], approver: Principal, terms: Terms, *, now: datetime
    ) -> Shown:
        """POST files and terms; sent once, and never again by itself."""
        del now
        said = terms.model_dump(mode="json", exclude_none=True, exclude={"scope"})
        fields = [(name, str(value)) for name, value in said.items() if value != ""]
        fields += [("scope", entry) for entry in (terms.scope.repositories if terms.scope else ())]
        form = Multipart(fields, uploads)
        headers = {"Content-Type": form.content_type}
        return self._post(f"{self._one(request_id)}/approve", approver, body=form, headers=headers)

    def deny(
        self, request_id: str, approver: Principal, reason: str, *, now: datetime, expected: int | None = None
    ) -> Shown:
        """POST the reason."""
        del now
        body = canonical_json({"reason": reason} | ({} if expected is None else {"expected": expected}))
        return self._post(f"{self._one(request_id)}/deny", approver, body=body, headers=_JSON)

    def _one(self, request_id: str) -> str:
        if not _ID.fullmatch(request_id):
            message = f"no exception request `{request_id[:80]}`"
            raise NotFoundError(message, hint="list them with `gate exception list`")
        return f"{self._base}/{request_id}"

    def _get(self, url: str, kind: type[_Answered]) -> _Answered:
        headers = {"Accept": "application/json", **authorization(self._bearer)}
        return _read(self._client.request("GET", url, headers=headers, accept=REFUSED), kind)

    def _post(self, url: str, who: Principal, **options: Unpack[Options]) -> Shown:
        acts = authorization(self._bearer) or {CLAIMED: f"{who.tenant}/{who.object_id}"}
        options["headers"] = {**options.get("headers", {}), "Accept": "application/json", **acts}
        options["accept"] = REFUSED
        return _read(self._client.request("POST", url, **options), Shown)


def authorization(bearer: Callable[[], str] | None) -> dict[str, str]:
    """Return the header that proves who calls, or none where nothing does."""
    return {} if bearer is None else {"Authorization": f"Bearer {bearer()}"}


def _read(answer: Answer, kind: type[_Answered]) -> _Answered:
    if answer.status in REFUSED:
        raise error_of(answer)
    try:
        return kind.parse(answer.body)
    except ValidationError as error:
        raise odd(answer) from error
