"""The life of an exception: draft → requested → approved or denied, and again as a new round. Pure, `now` passed in.

Every function returns new values or raises one of `refusals.REFUSALS`; nothing is stored here.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gate.bounds import StorageBounds
from gate.exceptions.identity import checked, filed_by
from gate.exceptions.package import package_of, refuse_never
from gate.exceptions.plain import plain
from gate.exceptions.refusals import Why, refusal
from gate.exceptions.words import LONGEST, line, sentence
from gate.model.base import Value, canonical_json
from gate.model.exception import ExceptionRequest, Grant, Justification, RequestState, Scope, Subject, Waived
from gate.model.origin import Kind
from gate.model.principal import SYSTEM, Principal, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.exceptions.package import OfferedFile
    from gate.policy.schema import WorkflowPolicy

_SCOPE = 4000
"""Most characters of a scope: the ledger records it whole."""

_DECIDED = frozenset({RequestState.APPROVED, RequestState.DENIED})


class Terms(Value):
    """What an approver may say beside yes: how long, where, why and under which ticket.

    `duration` None is the policy's default; `scope` None is exactly the place for which it was requested. `expected` is
    the version of the request on which the approver decides, if that matters to them.
    """

    duration: timedelta | None = None
    scope: Scope | None = None
    comment: str = ""
    ticket: str = ""
    expected: int | None = None


def open_draft(
    subject: Subject, origin: str, requester: Principal = SYSTEM, evaluation: str = "", *, now: datetime
) -> ExceptionRequest:
    """Open the request for a subject, still without a reason; its id is the subject's, the same every time."""
    return ExceptionRequest(
        id=subject.request_id(),
        subject=subject,
        state=RequestState.DRAFT,
        origin=plain(origin)[:LONGEST],
        requester=requester,
        opened_at=now,
        evaluation=evaluation,
    )


def file_request(  # noqa: PLR0913 - each is named in the request
    request: ExceptionRequest,
    reason: str,
    requester: Principal,
    policy: WorkflowPolicy,
    *,
    now: datetime,
    justification: Justification | None = None,
) -> ExceptionRequest:
    """File a draft, or file anew what was decided: a new round with a reason and a requester of its own.

    Raises:
        RefusedError: `identity_unclear`, `service_cannot_request`, `never_excepted`.
        WrongStateError: `already_requested`: a requester is never replaced by another.
        WrongContentError: `reason_missing`, `reason_too_long`, `justification_missing`, `justification_idle`.
    """
    checked(requester)
    if requester.kind is not PrincipalKind.USER:
        raise refusal(Why.SERVICE_CANNOT_REQUEST, request=request.id)
    if request.state is RequestState.REQUESTED:
        raise refusal(Why.ALREADY_REQUESTED, request=request.id)
    refuse_never(request.subject.kind, request.subject.name, policy)
    subject = request.subject
    if subject.vulnerability and justification is None:
        raise refusal(Why.JUSTIFICATION_MISSING, vulnerability=subject.vulnerability, name=subject.name)
    if not subject.vulnerability and justification is not None:
        raise refusal(Why.JUSTIFICATION_IDLE)
    again = request.state in _DECIDED
    return ExceptionRequest(
        id=request.id,
        subject=request.subject,
        state=RequestState.REQUESTED,
        origin=request.origin,
        reason=sentence(reason),
        justification=justification,
        requester=requester,
        opened_at=now if again else request.opened_at,
        evaluation=request.evaluation,
        round=request.round + 1 if again else request.round,
    )


def may_decide(request: ExceptionRequest, principal: Principal) -> None:
    """Refuse whoever can't decide on a request, and requests that nobody can decide on.

    Raises:
        RefusedError: `identity_unclear`, `service_cannot_approve`.
        WrongStateError: `not_requested`, `already_decided`.
    """
    if principal.kind is not PrincipalKind.USER:
        raise refusal(Why.SERVICE_CANNOT_APPROVE, request=request.id)
    checked(principal)
    if request.state in _DECIDED:
        raise refusal(Why.ALREADY_DECIDED, request=request.id, state=request.state.value)
    if request.state is RequestState.DRAFT or not request.reason:
        raise refusal(Why.NOT_REQUESTED, request=request.id)


def may_approve(request: ExceptionRequest, approver: Principal, policy: WorkflowPolicy, terms: Terms) -> None:
    """Refuse all that can be refused before any file is looked at, so that no refused one is stored.

    Raises:
        RefusedError: as `may_decide`; `self_approval`, `unequally_proved`, `never_excepted`.
        WrongStateError: as `may_decide`.
        WrongContentError: `too_long`, `duration_not_positive`, `scope_elsewhere`, `scope_too_wide`, `scope_too_long`,
            `reason_too_long`.
    """
    may_decide(request, approver)
    if filed_by(request, approver):
        raise refusal(Why.SELF_APPROVAL, request=request.id)
    if request.requester.claimed != approver.claimed:
        # Whoever is proved could have claimed the other name: they can't be told apart.
        raise refusal(Why.UNEQUALLY_PROVED, request=request.id)
    refuse_never(request.subject.kind, request.subject.name, policy)
    _duration(terms, policy)
    _scope(terms, request.subject.repository)
    line(terms.comment), line(terms.ticket)


def approve(  # noqa: PLR0913 - each is named in the approval
    request: ExceptionRequest,
    files: Sequence[OfferedFile],
    approver: Principal,
    policy: WorkflowPolicy,
    terms: Terms,
    *,
    now: datetime,
    bounds: StorageBounds | None = None,
) -> tuple[ExceptionRequest, Grant]:
    """Approve a request for exactly these files, from `now` on.

    Raises:
        RefusedError, WrongStateError, WrongContentError: as `may_approve`; `no_file`, `too_many_files`,
            `wrong_package`, `not_yet_grantable`.
    """
    may_approve(request, approver, policy, terms)
    most = (bounds or StorageBounds()).files
    if len(files) > most:
        raise refusal(Why.TOO_MANY_FILES, count=len(files), limit=most)
    package = package_of(request.subject, files)
    refuse_never(Kind.PYPI, package.name, policy)
    granted = tuple(sorted({offered.file for offered in files}, key=lambda file: (file.filename, file.sha256)))
    grant = Grant(
        id=grant_id(request, [file.sha256 for file in granted]),
        kind=Kind.PYPI,
        name=package.name,
        version=package.version,
        files=granted,
        references=package.references,
        scope=_scope(terms, request.subject.repository),
        owner=request.requester,
        approver=approver,
        reason=request.reason,
        ticket=line(terms.ticket),
        not_before=now,
        expires=now + _duration(terms, policy),
        request=request.id,
    )
    update = {"comment": line(terms.comment), "grant": grant.id}
    return _decided(request, RequestState.APPROVED, approver, now, update), grant


def approve_waiver(
    request: ExceptionRequest, approver: Principal, policy: WorkflowPolicy, terms: Terms, *, now: datetime
) -> tuple[ExceptionRequest, Grant]:
    """Approve a request to waive a vulnerability, from `now` on. It is for no file and lifts no origin.

    Raises:
        RefusedError, WrongStateError, WrongContentError: as `may_approve`; `justification_missing`.
    """
    may_approve(request, approver, policy, terms)
    subject = request.subject
    if request.justification is None:
        raise refusal(Why.JUSTIFICATION_MISSING, vulnerability=subject.vulnerability, name=subject.name)
    waiver = Grant(
        id=grant_id(request, []),
        kind=subject.kind,
        name=subject.name,
        version=subject.version,
        files=(),
        scope=_scope(terms, subject.repository),
        owner=request.requester,
        approver=approver,
        reason=request.reason,
        ticket=line(terms.ticket),
        not_before=now,
        expires=now + _duration(terms, policy),
        request=request.id,
        waives=Waived(vulnerability=subject.vulnerability, justification=request.justification),
    )
    update = {"comment": line(terms.comment), "grant": waiver.id}
    return _decided(request, RequestState.APPROVED, approver, now, update), waiver


def deny(request: ExceptionRequest, approver: Principal, reason: str, *, now: datetime) -> ExceptionRequest:
    """Deny a request, with a reason. Whoever filed it may: that takes it back.

    Raises:
        RefusedError, WrongStateError: as `may_decide`.
        WrongContentError: `reason_missing`, `reason_too_long`.
    """
    may_decide(request, approver)
    return _decided(request, RequestState.DENIED, approver, now, {"comment": sentence(reason)})


def grant_id(request: ExceptionRequest, digests: Sequence[str]) -> str:
    """Return the id of the grant that this round of a request leads to for these bytes (`sha256:<hex>`)."""
    content = {"request": request.id, "round": request.round, "sha256": sorted(set(digests))}
    return "GRT-" + base64.b32encode(hashlib.sha256(canonical_json(content)).digest()[:10]).decode().lower()


def _decided(
    request: ExceptionRequest, state: RequestState, by: Principal, now: datetime, update: dict[str, str]
) -> ExceptionRequest:
    changed = {**request.model_dump(), "state": state, "decided_by": by, "decided_at": now, **update}
    return ExceptionRequest.model_validate(changed)


def _duration(terms: Terms, policy: WorkflowPolicy) -> timedelta:
    duration = policy.default if terms.duration is None else terms.duration
    if duration.total_seconds() <= 0:
        raise refusal(Why.DURATION_NOT_POSITIVE)
    if duration > policy.longest:
        raise refusal(Why.TOO_LONG, longest=policy.longest)
    return duration


def _scope(terms: Terms, repository: str) -> Scope:
    scope = terms.scope or Scope(repositories=(repository,))
    if sum(len(entry) + 1 for entry in scope.repositories) > _SCOPE:
        raise refusal(Why.SCOPE_TOO_LONG, limit=_SCOPE)
    for entry in scope.repositories:
        # A prefix right below the root would be a whole registry.
        if not entry.strip("/") or "*" in entry or (entry.endswith("/") and "/" not in entry.rstrip("/")):
            raise refusal(Why.SCOPE_TOO_WIDE, entry=entry)
    if not scope.covers(repository):
        raise refusal(Why.SCOPE_ELSEWHERE, repository=repository)
    return scope
