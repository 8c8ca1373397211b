"""The desk for exceptions over the gate's own database: each change and its ledger record are one transaction.

Steps of an approval, numbered as in the code: 1. refuse all that can be refused before a byte is kept; 2. read the
files as data; 3. keep them under their digests, which is harmless if what follows fails; 4. in one transaction, first
the ledger's lock, then the request as it stands now, the record, the new state and the grant.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from gate.bounds import StorageBounds, WheelBounds
from gate.errors import BoundError, GateError, InputError, IntegrityError, PolicyError, StoreError
from gate.exceptions.identity import filed_by
from gate.exceptions.interface import Page, Shown, cursor_of, parse_cursor
from gate.exceptions.package import OfferedFile, refuse_ungrantable, subject_of
from gate.exceptions.plain import plain
from gate.exceptions.refusals import Why, refusal
from gate.exceptions.workflow import approve, approve_waiver, deny, file_request, may_approve, may_decide, open_draft
from gate.index.wheel import wheel_facts_of
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append, lock
from gate.model.base import format_instant
from gate.model.exception import ExceptionRequest, Grant, GrantedFile, RequestState
from gate.model.principal import SYSTEM
from gate.store.engine import reading, writing
from gate.store.grants import Grants
from gate.store.requests import RequestFilter, Requests, StoredRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

    from gate.exceptions.interface import Filing, Upload, Wanted
    from gate.exceptions.storage import PrivateStorage
    from gate.exceptions.workflow import Terms
    from gate.model.decision import Decision
    from gate.model.principal import Principal
    from gate.policy.schema import Policy, WorkflowPolicy

_NAME = 1000
"""Most characters of a judged name in a ledger record; the request's id binds the whole."""


class ExceptionDesk:
    """Implements `gate.exceptions.interface.Desk`, and what an evaluation asks of exceptions."""

    def __init__(
        self, *, engine: Engine, storage: PrivateStorage, policy: WorkflowPolicy, bounds: StorageBounds | None = None
    ) -> None:
        """Work on a database whose schema is up to date."""
        self._engine = engine
        self._storage = storage
        self._policy = policy
        self._bounds = bounds or StorageBounds()

    def request(self, filing: Filing, requester: Principal, *, now: datetime) -> Shown:
        """File a draft, a new request, or a new round of one that was decided."""
        with self._changing() as connection:
            stored = _before(connection, filing, requester, now)
            if _said_already(stored.request, filing, requester):
                return _shown(connection, stored)
            why = filing.justification or stored.request.justification
            filed = file_request(stored.request, filing.reason, requester, self._policy, now=now, justification=why)
            _record(connection, Event.EXCEPTION_REQUESTED, filed, requester, now=now)
            return _kept(connection, filed, stored.version)

    def list(self, wanted: Wanted) -> Page:
        """List requests, newest first."""
        conditions = RequestFilter(
            state=wanted.state,
            repository=wanted.repository,
            kind=wanted.kind.value if wanted.kind else "",
            name=wanted.name,
            before=parse_cursor(wanted.cursor) if wanted.cursor else None,
        )
        with reading(self._engine) as connection, _readable():
            rows = Requests(connection).list(conditions, limit=wanted.limit + 1)
        requests = tuple(row.request for row in rows[: wanted.limit])
        return Page(requests=requests, next=cursor_of(requests[-1]) if len(rows) > wanted.limit else "")

    def show(self, request_id: str) -> Shown:
        """Show a request with its version and grant."""
        with reading(self._engine) as connection:
            return _shown(connection, _get(connection, request_id))

    def approve(
        self, request_id: str, uploads: Sequence[Upload], approver: Principal, terms: Terms, *, now: datetime
    ) -> Shown:
        """Approve a request for the bytes of these wheels; see the module for the steps."""
        seen = self.show(request_id)
        _expect(seen.request, seen.version, terms.expected)
        may_approve(seen.request, approver, self._policy, terms)  # 1
        if seen.request.subject.vulnerability:
            return self._waive(seen, uploads, approver, terms, now)
        refuse_ungrantable(seen.request.subject.kind)
        if len(uploads) > self._bounds.files:
            raise refusal(Why.TOO_MANY_FILES, count=len(uploads), limit=self._bounds.files)
        files = [self._offered(upload) for upload in uploads]  # 2
        approve(seen.request, files, approver, self._policy, terms, now=now)
        for upload, offered in zip(uploads, files, strict=True):  # 3
            self._keep(upload, offered.file)
        with self._changing() as connection:  # 4
            stored = _get(connection, request_id)
            approved, grant = approve(stored.request, files, approver, self._policy, terms, now=now)
            _expect(stored.request, stored.version, seen.version)
            _record(connection, Event.EXCEPTION_APPROVED, approved, approver, now=now, grant=grant)
            Grants(connection).put(grant)
            return _kept(connection, approved, stored.version)

    def _waive(self, seen: Shown, uploads: Sequence[Upload], approver: Principal, terms: Terms, now: datetime) -> Shown:
        """Approve a waiver: there is nothing to read and nothing to keep but the approval."""
        if uploads:
            raise refusal(Why.WAIVER_HAS_FILE, request=seen.request.id)
        with self._changing() as connection:  # 4
            stored = _get(connection, seen.request.id)
            approved, waiver = approve_waiver(stored.request, approver, self._policy, terms, now=now)
            _expect(stored.request, stored.version, seen.version)
            _record(connection, Event.EXCEPTION_APPROVED, approved, approver, now=now, grant=waiver)
            Grants(connection).put(waiver)
            return _kept(connection, approved, stored.version)

    def deny(
        self, request_id: str, approver: Principal, reason: str, *, now: datetime, expected: int | None = None
    ) -> Shown:
        """Deny a request, or take one's own back."""
        with self._changing() as connection:
            stored = _get(connection, request_id)
            may_decide(stored.request, approver)
            _expect(stored.request, stored.version, expected)
            denied = deny(stored.request, approver, reason, now=now)
            _record(connection, Event.EXCEPTION_DENIED, denied, approver, now=now)
            return _kept(connection, denied, stored.version)

    def open_drafts(self, connection: Connection, decision: Decision, evaluation: str, *, now: datetime) -> None:
        """Open a draft for each request that the decision names and that does not stand yet, in any state.

        Args:
            connection: in the evaluation's own transaction.
            decision: the one that was just made.
            evaluation: the run's id.
            now: the decision's instant.

        Raises:
            GateError: `draft_unknown`: the decision names a request for something that it did not judge.
        """
        subjects = decision.subjects()
        origins = {result.request: result.params.get("origins", "") for result in decision.results}
        for request_id in decision.requests:
            subject = subjects.get(request_id)
            if subject is None or subject.request_id() != request_id:
                message = f"the decision names the request `{request_id}` for nothing that it judged"
                raise GateError(message, code="draft_unknown", hint="report this; no draft was opened")
            if Requests(connection).find(request_id) is None:
                draft = open_draft(subject, origins.get(request_id, ""), evaluation=evaluation, now=now)
                _record(connection, Event.EXCEPTION_DRAFTED, draft, SYSTEM, now=now)
                Requests(connection).open(draft)

    def all_grants(self, connection: Connection, policy: Policy) -> tuple[Grant, ...]:
        """Return standing and stored grants, in force or not: what becomes of each is policy's to judge.

        Raises:
            PolicyError: `grant_twice`: a standing grant has the id of a stored one.
            StoreError: `exception_unreadable`: a stored grant can't be read; none is left out.
        """
        with _readable():
            stored = Grants(connection).all()
        grants = (*policy.grants, *stored)
        if len({grant.id for grant in grants}) != len(grants):
            message = "a standing grant has the id of a stored one"
            raise PolicyError(message, code="grant_twice", hint="give the standing grant an id of its own")
        return grants

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with writing(self._engine) as connection:
            lock(connection)
            yield connection

    def _offered(self, upload: Upload) -> OfferedFile:
        """Read a wheel as data; nothing is kept yet."""
        try:
            if upload.stream.seek(0, os.SEEK_END) > self._bounds.file_bytes:
                message = f"`{upload.filename[:200]}` has more than {self._bounds.file_bytes} bytes"
                raise BoundError(message, code="file_too_large", hint="approve smaller wheels, or raise the bound")
            upload.stream.seek(0)
            facts = wheel_facts_of(upload.stream, upload.filename, bounds=WheelBounds())
            upload.stream.seek(0)
        except OSError as error:
            message = f"the file can't be read: {error.strerror}"
            raise InputError(message, hint="hand in a wheel that can be read", name=upload.filename) from error
        kept = GrantedFile(filename=facts.filename, sha256=facts.sha256, size=facts.size)
        return OfferedFile(file=kept, name=facts.name, version=facts.version)

    def _keep(self, upload: Upload, expected: GrantedFile) -> None:
        if self._storage.put(upload.stream, upload.filename) != expected:
            message = f"`{upload.filename}` changed while it was read"
            raise IntegrityError(message, code="upload_changed", hint="hand in the file again")


def _before(connection: Connection, filing: Filing, requester: Principal, now: datetime) -> StoredRequest:
    """Return what is filed as it stands, or as a draft of version 0 if nothing stands yet."""
    if filing.subject is None:
        return _get(connection, filing.request)
    subject = subject_of(**filing.subject.model_dump())
    with _readable():
        found = Requests(connection).find(subject.request_id())
    return found or StoredRequest(request=open_draft(subject, filing.origin, requester, now=now), version=0)


def _said_already(request: ExceptionRequest, filing: Filing, requester: Principal) -> bool:
    waits = request.state is RequestState.REQUESTED and filed_by(request, requester)
    return waits and (request.reason, request.justification) == (plain(filing.reason), filing.justification)


def _get(connection: Connection, request_id: str) -> StoredRequest:
    with _readable():
        return Requests(connection).get(request_id)


def _shown(connection: Connection, stored: StoredRequest) -> Shown:
    with _readable():
        grant = Grants(connection).get(stored.request.grant) if stored.request.grant else None
    return Shown(request=stored.request, grant=grant, version=stored.version)


def _kept(connection: Connection, request: ExceptionRequest, version: int) -> Shown:
    """Keep the new state in place of the version that it was made from; 0 means that none stands."""
    if version:
        now_at = Requests(connection).change(request, version=version)
        return _shown(connection, StoredRequest(request=request, version=now_at))
    if not Requests(connection).open(request):
        raise refusal(Why.REQUEST_CHANGED, request=request.id)
    return _shown(connection, StoredRequest(request=request, version=1))


def _expect(request: ExceptionRequest, version: int, expected: int | None) -> None:
    if expected is not None and expected != version:
        raise refusal(Why.REQUEST_CHANGED, request=request.id)


def _record(  # noqa: PLR0913 - what a record is made from
    connection: Connection,
    event: Event,
    request: ExceptionRequest,
    actor: Principal,
    *,
    now: datetime,
    grant: Grant | None = None,
) -> None:
    """Append what happened. Who and why are personal, so the leaf commits to them and to the whole values."""
    facts = {
        "request": request.id,
        "round": str(request.round),
        "kind": request.subject.kind.value,
        "name": request.subject.name[:_NAME],
        "version": request.subject.version[:_NAME],
        "evaluation": request.evaluation,
        "vulnerability": request.subject.vulnerability,
    }
    private = {"actor": actor.key, "request": request.canonical().decode()}
    if grant is not None:
        private["grant"] = grant.canonical().decode()
        facts |= {
            "grant": grant.id,
            "package": f"{grant.name}=={grant.version}",
            "files": " ".join(file.sha256 for file in grant.files),
            "scope": " ".join(grant.scope.repositories),
            "not_before": format_instant(grant.not_before),
            "expires": format_instant(grant.expires),
        }
    record = LedgerRecord(
        event=event,
        evaluation=request.id,
        attempt=request.round,
        recorded_at=now,
        repository=request.subject.repository,
        facts={name: value for name, value in facts.items() if value},
    )
    append(connection, record, private)


@contextmanager
def _readable() -> Iterator[None]:
    """Name a stored value that can't be read: it is damaged or was written by a newer version."""
    try:
        yield
    except ValidationError as error:
        message = f"a stored exception can't be read: {error.errors()[0]['msg']}"
        raise StoreError(
            message, code="exception_unreadable", hint="run `gate audit verify`; restore the database"
        ) from error
