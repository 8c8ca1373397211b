"""Requests and grants in words and as one JSON object, `gate.exception/1`. What was judged is shown, never obeyed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gate.exceptions.plain import plain
from gate.model.base import Value, format_instant
from gate.model.exception import ExceptionRequest, Grant, RequestState
from gate.policy.dispose import Bounds, grant_state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gate.exceptions.interface import Shown
    from gate.model.principal import Principal

_SHOWN = 160


class Report(Value):
    """What `gate exception … --format json` prints: requests, the grants they led to, the cursor of the next page."""

    version: Literal["gate.exception/1"] = Field(default="gate.exception/1", alias="schema")
    requests: tuple[ExceptionRequest, ...]
    grants: tuple[Grant, ...] = ()
    next: str = ""


def as_json(requests: Sequence[ExceptionRequest], grants: Sequence[Grant] = (), next_cursor: str = "") -> str:
    """Return the report as JSON text."""
    report = Report(requests=tuple(requests), grants=tuple(grants), next=next_cursor)
    return report.model_dump_json(by_alias=True, indent=2) + "\n"


def as_table(requests: Sequence[ExceptionRequest]) -> str:
    """Return one line for each request."""
    if not requests:
        return "no such requests\n"
    return "".join(
        f"{request.state.value:<9}  {request.id}  {_thing(request)}  for {_cut(request.subject.repository)}\n"
        for request in requests
    )


def as_text(shown: Shown, now: datetime) -> str:
    """Return one request with what became of it and what to do next."""
    request = shown.request
    rows = [
        ("what", _thing(request)),
        ("for", _cut(request.subject.repository)),
        ("from", _cut(request.origin)),
        ("opened", _instant(request.opened_at)),
        ("evaluation", request.evaluation),
        ("requester", "" if request.state is RequestState.DRAFT else _person(request.requester)),
        ("reason", plain(request.reason)),
        ("why not", request.justification.value if request.justification else ""),
        ("decided", _decided(request)),
        ("comment", plain(request.comment)),
        *(_grant(shown.grant, now) if shown.grant else ()),
        ("next", _next(request)),
    ]
    head = f"{request.state.value.upper()}  {request.id}  version {shown.version}\n"
    return head + "".join(f"  {name:<11} {value}\n" for name, value in rows if value)


def _grant(grant: Grant, now: datetime) -> list[tuple[str, str]]:
    state = grant_state(grant, Bounds(now=now, repository=""))
    hashes = " ".join(f"--hash={file.sha256}" for file in grant.files)
    return [
        ("grant", f"{grant.id}, {state.value} ({_instant(grant.not_before)} until {_instant(grant.expires)})"),
        ("scope", plain(" ".join(grant.scope.repositories))),
        ("ticket", plain(grant.ticket)),
        *(("file", f"{file.sha256}  {file.filename}  {file.size} bytes") for file in grant.files),
        *([] if grant.waives else [("pin it as", f"{grant.name}=={grant.version} {hashes}")]),
    ]


def _next(request: ExceptionRequest) -> str:
    match request.state:
        case RequestState.DRAFT:
            return f"gate exception request --for {request.id} --reason …"
        case RequestState.REQUESTED:
            file = "" if request.subject.vulnerability else " --file WHEEL"
            return f"somebody else: gate exception approve {request.id}{file}, or deny {request.id} --reason …"
        case RequestState.APPROVED:
            return "evaluate the image again; when the grant has ended, file the request again"
        case RequestState.DENIED:
            return f"replace it, or file it again: gate exception request --for {request.id} --reason …"


def _decided(request: ExceptionRequest) -> str:
    if request.decided_by is None or request.decided_at is None:
        return ""
    return f"{_person(request.decided_by)}, {_instant(request.decided_at)}"


def _person(principal: Principal) -> str:
    return plain(f"{principal.tenant}/{principal.object_id}") + (" (claimed)" if principal.claimed else "")


def _instant(instant: datetime) -> str:
    return format_instant(instant)[:19] + "Z"


def _thing(request: ExceptionRequest) -> str:
    subject = request.subject
    waives = f"waiver of {subject.vulnerability} on " if subject.vulnerability else ""
    return _cut(f"{waives}{subject.kind.value} {subject.name} {subject.version}".strip())


def _cut(text: str) -> str:
    text = plain(text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
