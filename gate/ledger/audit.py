"""What an auditor asks of the database: is all of it what the ledger says, and what was this decision made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import NotFoundError
from gate.ledger.contents import Named, flaws
from gate.ledger.reader import PAGE, LedgerEntry, LedgerFilter, LedgerReader
from gate.ledger.verify import Corrupt, Flaw, Verified, verify
from gate.model.base import Value
from gate.model.decision import Decision
from gate.model.digest import Digest
from gate.model.evidence import EvidenceManifest
from gate.store.blobs import Blobs
from gate.store.decisions import DecisionFilter, Decisions
from gate.store.evaluations import Evaluation, Evaluations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection

    from gate.ledger.checkpoint import Checkpoint


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


def verify_database(connection: Connection, checkpoints: Sequence[Checkpoint] = ()) -> Verified | Corrupt:
    """Verify the ledger, then that the rest of the database holds what it names, unaltered, and nothing it does not.

    An empty ledger is not verified: there is nothing that could be proved. The connection should come from `reading`,
    so that all is seen as of one moment.
    """
    reader, named = LedgerReader(connection), Named()
    result = verify(reader.leaves(), reader.head(), checkpoints, named.visit)
    if isinstance(result, Corrupt):
        return result
    if result.size == 0:
        return Corrupt(code=Flaw.LEDGER_EMPTY)
    stray = reader.stray_private()
    if stray is not None:
        return Corrupt(code=Flaw.PRIVATE_STRAY, index=stray)
    return next(flaws(connection, named), result)


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
