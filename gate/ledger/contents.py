"""Hold the rest of the database against what the ledger says: content, decisions, runs, requests, grants, burials.

The ledger proves itself; the tables beside it are only believed as far as a record names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from pydantic import ValidationError

from gate.ledger.contents_burials import Buried
from gate.ledger.contents_retirements import Retired
from gate.ledger.record import CONTENT_FACTS, Event, LedgerRecord
from gate.ledger.verify import Corrupt, Flaw
from gate.model.base import Value
from gate.model.decision import Decision
from gate.model.digest import is_digest
from gate.model.evidence import EvidenceManifest
from gate.model.exception import ExceptionRequest, Grant
from gate.store.blobs import Blobs
from gate.store.decisions import DecisionRow
from gate.store.evaluations import FINAL
from gate.store.grants import grant_row
from gate.store.requests import request_row
from gate.store.tables import decisions, evaluations, exception_requests, grants, ledger_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

_Kind = TypeVar("_Kind", bound=Value)
_REQUEST_EVENTS = frozenset(
    {Event.EXCEPTION_DRAFTED, Event.EXCEPTION_REQUESTED, Event.EXCEPTION_APPROVED, Event.EXCEPTION_DENIED}
)
_FINAL_EVENTS = frozenset(Event(state.value) for state in FINAL)


class Named:
    """What records say that the rest of the database must hold; each with the index of the record that says so."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.contents: dict[str, int] = {}
        self.evidence: dict[str, int] = {}
        self.decided: dict[tuple[str, str], int] = {}
        self.ended: dict[tuple[str, str], int] = {}
        self.requests: dict[str, tuple[int, str]] = {}
        self.grants: dict[str, tuple[int, str]] = {}
        self.buried = Buried()
        self.retired = Retired()

    def visit(self, index: int, record: LedgerRecord) -> None:
        """Note what the record names."""
        self.buried.visit(index, record)
        self.retired.visit(index, record)
        for fact in CONTENT_FACTS:
            digest = record.facts.get(fact, "")
            if is_digest(digest):
                self.contents.setdefault(digest, index)
        if record.event is Event.EVIDENCE_GATHERED or "evidence" in record.facts:
            self.evidence.setdefault(record.facts.get("evidence", ""), index)
        if record.event in {Event.DECIDED, Event.RECONSIDERED}:
            self.decided.setdefault((record.evaluation, record.facts.get("decision", "")), index)
        if record.event in _FINAL_EVENTS:
            self.ended[record.evaluation, record.event.value] = index
        if record.event in _REQUEST_EVENTS:
            self.requests[record.evaluation] = (index, record.commitments.get("request", ""))
        if record.event is Event.EXCEPTION_APPROVED:
            self.grants[record.facts.get("grant", "")] = (index, record.commitments.get("grant", ""))


def flaws(connection: Connection, named: Named) -> Iterator[Corrupt]:
    """Yield everything that is not as the ledger says; nothing if all is."""
    yield from _altered_content(connection, named)
    yield from _missing_content(connection, named)
    yield from _decisions(connection, named)
    yield from _evaluations(connection, named)
    yield from _requests(connection, named)
    yield from _grants(connection, named)
    yield from named.buried.flaws(connection)
    yield from named.retired.flaws(connection)


def _altered_content(connection: Connection, named: Named) -> Iterator[Corrupt]:
    for digest in Blobs(connection).altered():
        yield Corrupt(code=Flaw.CONTENT_ALTERED, index=named.contents.get(digest), detail=digest)


def _missing_content(connection: Connection, named: Named) -> Iterator[Corrupt]:
    blobs, wanted = Blobs(connection), dict(named.contents)
    kept = blobs.sizes(wanted)
    for digest, index in named.evidence.items():
        if digest in kept:
            manifest = _read(EvidenceManifest, blobs.get(digest))
            if manifest is None:
                yield Corrupt(code=Flaw.CONTENT_ALTERED, index=index, detail=digest)
            else:
                wanted.update(dict.fromkeys(manifest.parts.values(), index))
    kept = blobs.sizes(wanted)
    for digest in sorted(wanted.keys() - kept.keys(), key=lambda digest: (wanted[digest], digest)):
        yield Corrupt(code=Flaw.CONTENT_MISSING, index=wanted[digest], detail=digest)


def _decisions(connection: Connection, named: Named) -> Iterator[Corrupt]:
    left, blobs = dict(named.decided), Blobs(connection)
    rows = connection.execute(sa.select(decisions).order_by(decisions.c.evaluation, decisions.c.digest))
    for row in rows.mappings().all():
        index = left.pop((row["evaluation"], row["digest"]), None)
        if index is None:
            detail = f"{row['evaluation']}: {row['digest']}"
            yield Corrupt(code=Flaw.DECISION_UNRECORDED, detail=detail)
        elif not _finds(dict(row), _read(Decision, blobs.get(row["digest"]))):
            yield Corrupt(code=Flaw.DECISION_ROW_DIFFERS, index=index, detail=row["digest"])
    for (_, digest), index in left.items():
        yield Corrupt(code=Flaw.DECISION_ROW_DIFFERS, index=index, detail=f"no row for {digest}")


def _finds(row: dict[str, Any], decision: Decision | None) -> bool:
    return decision is not None and DecisionRow.of(row["evaluation"], decision).model_dump(mode="json") == row


def _evaluations(connection: Connection, named: Named) -> Iterator[Corrupt]:
    columns = evaluations.c
    final = columns.state.in_(sorted(event.value for event in _FINAL_EVENTS))
    rows = connection.execute(
        sa.select(columns.id, columns.state, columns.decision_digest).where(final).order_by(columns.id)
    )
    for row in rows:
        if (row.id, row.state) not in named.ended:
            yield Corrupt(code=Flaw.EVALUATION_UNRECORDED, detail=f"{row.id}: {row.state}")
        elif row.decision_digest and (row.id, row.decision_digest) not in named.decided:
            yield Corrupt(code=Flaw.EVALUATION_UNRECORDED, detail=f"{row.id}: {row.decision_digest}")


def _requests(connection: Connection, named: Named) -> Iterator[Corrupt]:
    left = dict(named.requests)
    for row in _rows(connection, exception_requests):
        del row["version"]
        index, commitment = left.pop(row["id"], (None, ""))
        request = _read(ExceptionRequest, row["body"])
        recorded = _private(connection, commitment)
        # A recorded request may have been erased for its people's sake; one that is there must be the row's.
        same = recorded in (None, row["body"])
        if index is None:
            yield Corrupt(code=Flaw.REQUEST_UNRECORDED, detail=row["id"])
        elif request is None or request_row(request) != row or not same:
            yield Corrupt(code=Flaw.REQUEST_DIFFERS, index=index, detail=row["id"])
    for request_id, (index, _) in left.items():
        yield Corrupt(code=Flaw.REQUEST_DIFFERS, index=index, detail=f"no row for {request_id}")


def _grants(connection: Connection, named: Named) -> Iterator[Corrupt]:
    left = dict(named.grants)
    for row in _rows(connection, grants):
        index, commitment = left.pop(row["id"], (None, ""))
        grant = _read(Grant, row["body"])
        if index is None:
            yield Corrupt(code=Flaw.GRANT_UNRECORDED, detail=row["id"])
        elif grant is None or grant_row(grant) != row or _private(connection, commitment) != row["body"]:
            yield Corrupt(code=Flaw.GRANT_DIFFERS, index=index, detail=row["id"])
    for grant_id, (index, _) in left.items():
        yield Corrupt(code=Flaw.GRANT_DIFFERS, index=index, detail=f"no row for {grant_id}")


def _rows(connection: Connection, table: sa.Table) -> Iterator[dict[str, Any]]:
    for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings().all():
        yield dict(row)


def _private(connection: Connection, commitment: str) -> str | None:
    private = ledger_private.c
    found: str | None = connection.scalar(sa.select(private.value).where(private.commitment == commitment))
    return found


def _read(kind: type[_Kind], data: bytes | str) -> _Kind | None:
    try:
        return kind.parse(data)
    except (ValidationError, TypeError):  # TypeError: SQLite kept a number where text should be
        return None
