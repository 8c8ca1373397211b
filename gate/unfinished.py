"""What earlier runs began to do with an image and did not end, read from the ledger: to be taken back or finished.

A run that fails after its intent leaves the registry somewhere between. Whoever looks at the same image next starts
from there: what is denied or held must not stay released, and what is gone was discarded by somebody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.model.base import Value
from gate.model.digest import Digest
from gate.store.evaluations import Evaluations, EvaluationState

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from gate.model.image import ImageRef
    from gate.store.evaluations import Evaluation


class Begun(Value):
    """One intent without an outcome: whose it is, and the plan that it recorded."""

    evaluation: str
    plan: Digest


def discarding(connection: Connection, ref: ImageRef) -> ImageRef | None:
    """Return what a ref named, pinned, if the last run about it failed in the middle of its discard; else None."""
    row = Evaluations(connection).last_of(ref.place, tag=ref.tag, digest=ref.digest)
    if row is None or row.digest is None or row.state is not EvaluationState.FAILED:
        return None
    if not begun(connection, row, Event.DISCARD_INTENDED):
        return None
    return ref.at(row.digest)


def begun(connection: Connection, row: Evaluation, intent: Event) -> tuple[Begun, ...]:
    """Return the intents of one kind about a run's image in its place that no outcome followed, oldest first.

    Those of runs that failed after the last outcome there, and of the run itself. A run that is under way elsewhere
    ends its own.
    """
    ledger, runs = LedgerReader(connection), Evaluations(connection).failed_since_settled(row)
    found = [
        Begun(evaluation=run, plan=entry.record.facts["plan"])
        for run in (*runs, row.id)
        for entry in ledger.find(LedgerFilter(evaluation=run, event=intent))
    ]
    return tuple(found)
