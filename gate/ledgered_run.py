"""A run's state and its records, which change together: only the worker that holds the run can change either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append
from gate.store.decisions import Decisions
from gate.store.evaluations import OPEN, Evaluation, Evaluations, EvaluationState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from gate.leases import Leases
    from gate.model.decision import Decision


class LedgeredRun:
    """Records and moves runs inside the caller's transactions, as the worker that the leases belong to."""

    def __init__(self, leases: Leases) -> None:
        """Act for the holder of the leases."""
        self._leases = leases

    def record(self, connection: Connection, row: Evaluation, event: Event, now: datetime, **facts: str) -> None:
        """Append what happened to the run; facts without a value are left out.

        Raises:
            ConflictError: the run is not this worker's (`evaluation_lost`).
        """
        record = LedgerRecord(
            event=event,
            evaluation=row.id,
            attempt=self._leases.attempt(row.id),
            recorded_at=now,
            subject=row.digest,
            repository=row.repository,
            facts={name: value for name, value in facts.items() if value},
        )
        append(connection, record)

    def decide(
        self, connection: Connection, row: Evaluation, decision: Decision, event: Event, now: datetime, **facts: str
    ) -> dict[str, str]:
        """Keep and record a decision of the run, and move the run; return its digest and outcome. Errors as `move`."""
        digest = Decisions(connection).put(row.id, decision)
        self.record(
            connection,
            row,
            event,
            now,
            decision=digest,
            outcome=decision.outcome.value,
            policy=decision.policy,
            ruleset=decision.ruleset,
            recorded=" ".join(decision.recorded_sources),
            **facts,
        )
        self.move(connection, row, EvaluationState.DECIDED, decision_digest=digest, outcome=decision.outcome)
        return {"decision": digest, "outcome": decision.outcome.value}

    def move(self, connection: Connection, row: Evaluation, after: EvaluationState, **facts: object) -> None:
        """Change the state of an open run; errors as `record`, and of `Evaluations.move`."""
        Evaluations(connection).move(
            row.id,
            owner=self._leases.owner,
            attempt=self._leases.attempt(row.id),
            before=OPEN,
            after=after,
            **facts,
        )
