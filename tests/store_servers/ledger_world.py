"""What the ledger's tests write: records of one form, at one time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append
from gate.model.decision import Decision, Outcome, RuleResult, Status
from gate.model.evidence import Evidence, ExceptionFacts, FindingFacts
from gate.model.exception import ExceptionRequest, Grant, GrantedFile, RequestState, Scope, Subject
from gate.model.image import ImageFacts, Inventory
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.model.reference import Declared
from gate.store.blobs import Blobs
from gate.store.decisions import Decisions
from gate.store.grants import Grants
from gate.store.requests import Requests

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32


def record(evaluation: str = "ev-1", event: Event = Event.EVALUATION_SUBMITTED, **more: Any) -> LedgerRecord:
    """Return a record, the same each time unless told otherwise."""
    fields: dict[str, object] = {"subject": DIGEST, "repository": "r.example.org/staging/app", "recorded_at": NOW}
    return LedgerRecord.model_validate({"evaluation": evaluation, "event": event, **fields, **more})


def evidence() -> Evidence:
    """Return the smallest evidence that there can be about an image."""
    facts = ImageFacts(
        repository="r.example.org/staging/app",
        digest=DIGEST,
        media_type="application/vnd.oci.image.manifest.v1+json",
        config_digest="sha256:" + "cd" * 32,
        platform="linux/amd64",
        layers=(),
    )
    return Evidence(
        repository=facts.repository,
        subject=DIGEST,
        submitted_at=NOW,
        environment=Declared(),
        image=Inventory(image=facts),
        findings=FindingFacts(),
        exceptions=ExceptionFacts(),
    )


def decision(made_from: str, outcome: Outcome = Outcome.DISCARD, *, at: datetime = NOW) -> Decision:
    """Return a decision with one result that failed."""
    return Decision(
        outcome=outcome,
        subject=DIGEST,
        repository="r.example.org/staging/app",
        decided_at=at,
        policy="sha256:" + "01" * 32,
        ruleset="sha256:" + "02" * 32,
        evidence=made_from,
        results=(RuleResult(rule="origins", status=Status.FAIL, code="blocked", subject="pypi/x@1\x1b[2J"),),
    )


def record_run(connection: Connection, evaluation: str = "ev-1", *, at: datetime = NOW) -> str:
    """Write one whole run as an evaluation does, and return its decision's digest."""
    blobs = Blobs(connection)
    said: dict[str, Any] = {"recorded_at": at}
    append(connection, record(evaluation, **said), {"actor": "tenant/alice"})
    manifest, parts = evidence().split()
    blobs.put_all(parts.values())
    gathered = blobs.put(manifest.canonical())
    made = Decisions(connection).put(evaluation, decision(gathered, at=at))
    append(connection, record(evaluation, Event.EVIDENCE_GATHERED, facts={"evidence": gathered}, **said))
    append(connection, record(evaluation, Event.DECIDED, facts={"decision": made, "outcome": "discard"}, **said))
    append(connection, record(evaluation, Event.DISCARDED, facts={"decision": made}, **said))
    return made


def record_exception(connection: Connection) -> ExceptionRequest:
    """Write an approved exception as the desk does: state, and records that commit to it, in one transaction."""
    alice, bob = Principal(tenant="tenant", object_id="alice"), Principal(tenant="tenant", object_id="bob")
    subject = Subject(kind=Kind.PYPI, name="acme", version="1.0", repository="r.example.org/staging/app")
    draft = ExceptionRequest(
        id=subject.request_id(), subject=subject, state=RequestState.REQUESTED, requester=alice, opened_at=NOW
    )
    approved = draft.model_copy(update={"state": RequestState.APPROVED, "decided_by": bob, "grant": "GR-1"})
    grant = Grant(
        id="GR-1",
        kind=Kind.PYPI,
        name="acme",
        version="1.0",
        files=(GrantedFile(filename="acme-1.0-py3-none-any.whl", sha256=DIGEST, size=1),),
        scope=Scope(repositories=(subject.repository,)),
        owner=alice,
        approver=bob,
        reason="needed",
        not_before=NOW,
        expires=NOW.replace(year=2027),
        request=draft.id,
    )
    requests, grants = Requests(connection), Grants(connection)
    requests.open(draft)
    said = record(draft.id, Event.EXCEPTION_REQUESTED, subject=None)
    append(connection, said, {"actor": alice.key, "request": draft.canonical().decode()})
    requests.change(approved, version=1)
    grants.put(grant)
    private = {"actor": bob.key, "request": approved.canonical().decode(), "grant": grant.canonical().decode()}
    append(connection, record(draft.id, Event.EXCEPTION_APPROVED, subject=None, facts={"grant": "GR-1"}), private)
    return approved
