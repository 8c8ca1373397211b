"""What an auditor asks of the database: is all of it what the ledger says, and what was this decision made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from pydantic import ValidationError

from gate.errors import NotFoundError
from gate.ledger.reader import PAGE, LedgerEntry, LedgerFilter, LedgerReader
from gate.ledger.record import CONTENT_FACTS, Event, LedgerRecord
from gate.ledger.verify import Corrupt, Flaw, Verified, verify
from gate.model.base import Value
from gate.model.decision import Decision
from gate.model.digest import Digest, is_digest
from gate.model.evidence import EvidenceManifest
from gate.store.blobs import Blobs
from gate.store.decisions import DecisionFilter, DecisionRow, Decisions
from gate.store.evaluations import Evaluation, Evaluations
from gate.store.tables import decisions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection

    from gate.ledger.checkpoint import Checkpoint

_Kind = TypeVar("_Kind", bound=Value)


class Part(Value):
    """One piece of what a decision was made from; `size` in bytes, or None if it is not kept any more."""

    name: str
    digest: Digest
    size: int | None


class Account(Value):
    """All that is known of one evaluation, or of another thing that the ledger speaks of."""

    id: str
    evaluation: Evaluation | None
    records: tuple[LedgerEntry, ...]
    decisions: tuple[Decision, ...]
    made_from: tuple[Part, ...]


class _Named:
    """What records say that the rest of the database must hold."""

    def __init__(self) -> None:
        self.contents: dict[str, int] = {}
        self.evidence: dict[str, int] = {}
        self.decided: dict[tuple[str, str], int] = {}

    def visit(self, index: int, record: LedgerRecord) -> None:
        """Note what the record names."""
        for fact in CONTENT_FACTS:
            digest = record.facts.get(fact, "")
            if is_digest(digest):
                self.contents.setdefault(digest, index)
        if record.event is Event.EVIDENCE_GATHERED:
            self.evidence.setdefault(record.facts.get("evidence", ""), index)
        if record.event is Event.DECIDED:
            self.decided.setdefault((record.evaluation, record.facts.get("decision", "")), index)


def verify_database(connection: Connection, checkpoints: Sequence[Checkpoint] = ()) -> Verified | Corrupt:
    """Verify the ledger, then that all content it names is kept unaltered and that the list of decisions is its own.

    An empty ledger is not verified: there is nothing that could be proved. The connection should come from `reading`,
    so that all is seen as of one moment.
    """
    reader, named = LedgerReader(connection), _Named()
    result = verify(reader.leaves(), reader.head(), checkpoints, named.visit)
    if isinstance(result, Corrupt):
        return result
    if result.size == 0:
        return Corrupt(code=Flaw.LEDGER_EMPTY)
    stray = reader.stray_private()
    if stray is not None:
        return Corrupt(code=Flaw.PRIVATE_STRAY, index=stray)
    return next(_content_flaws(connection, named), None) or next(_decision_flaws(connection, named), result)


def account(connection: Connection, about: str) -> Account:
    """Gather everything about one id.

    Raises:
        NotFoundError: neither the ledger nor the list of evaluations knows it.
        StoreError: a record or a decision was altered.
    """
    records = tuple(_all_records(LedgerReader(connection), about))
    evaluation = Evaluations(connection).find(about)
    if not records and evaluation is None:
        message = f"nothing is recorded of `{about}`"
        raise NotFoundError(message, hint="list what is with `gate audit list`", id=about)
    rows = Decisions(connection).find(DecisionFilter(evaluation=about))
    made = tuple(Decisions(connection).get(row.digest) for row in reversed(rows))
    parts = dict.fromkeys(part for decision in made for part in _made_from(connection, decision))
    return Account(id=about, evaluation=evaluation, records=records, decisions=made, made_from=tuple(parts))


def _all_records(reader: LedgerReader, about: str) -> Iterator[LedgerEntry]:
    after = -1
    while page := reader.find(LedgerFilter(evaluation=about, after=after), limit=PAGE):
        yield from page
        after = page[-1].index


def _made_from(connection: Connection, decision: Decision) -> Iterator[Part]:
    blobs = Blobs(connection)
    named = {"evidence": decision.evidence, "policy": decision.policy}
    if blobs.has(decision.evidence):
        manifest = EvidenceManifest.parse(blobs.get(decision.evidence))
        named |= {f"evidence/{name}": digest for name, digest in sorted(manifest.parts.items())}
    sizes = blobs.sizes(named.values())
    for name, digest in named.items():
        yield Part(name=name, digest=digest, size=sizes.get(digest))


def _content_flaws(connection: Connection, named: _Named) -> Iterator[Corrupt]:
    blobs = Blobs(connection)
    for digest in blobs.altered():
        yield Corrupt(code=Flaw.CONTENT_ALTERED, index=named.contents.get(digest), detail=digest)
    wanted = dict(named.contents)
    kept = blobs.sizes(wanted)
    for digest, index in named.evidence.items():
        if digest in kept:
            manifest = _read(EvidenceManifest, blobs.get(digest))
            if manifest is None:
                yield Corrupt(code=Flaw.CONTENT_ALTERED, index=index, detail=digest)
                return
            wanted.update(dict.fromkeys(manifest.parts.values(), index))
    kept = blobs.sizes(wanted)
    for digest in sorted(wanted.keys() - kept.keys(), key=lambda digest: (wanted[digest], digest)):
        yield Corrupt(code=Flaw.CONTENT_MISSING, index=wanted[digest], detail=digest)


def _decision_flaws(connection: Connection, named: _Named) -> Iterator[Corrupt]:
    left = dict(named.decided)
    blobs = Blobs(connection)
    rows = connection.execute(sa.select(decisions).order_by(decisions.c.evaluation, decisions.c.digest))
    for row in rows.mappings().all():
        index = left.pop((row["evaluation"], row["digest"]), None)
        if index is None:
            yield Corrupt(code=Flaw.DECISION_UNRECORDED, detail=f"{row['evaluation']}: {row['digest']}")
        elif not _finds(blobs, dict(row)):
            yield Corrupt(code=Flaw.DECISION_ROW_DIFFERS, index=index, detail=row["digest"])
    for (_, digest), index in left.items():
        yield Corrupt(code=Flaw.DECISION_ROW_DIFFERS, index=index, detail=f"no row for {digest}")


def _finds(blobs: Blobs, row: dict[str, Any]) -> bool:
    decision = _read(Decision, blobs.get(row["digest"]))
    try:
        claimed = DecisionRow.model_validate(row)
    except ValidationError:
        return False
    return decision is not None and DecisionRow.of(row["evaluation"], decision) == claimed


def _read(kind: type[_Kind], data: bytes) -> _Kind | None:
    try:
        return kind.parse(data)
    except ValidationError:
        return None
