"""Dry runs on record: what was decided and would be done, kept as intent, with nothing done.

Such a record is about no evaluation: nobody adopts it, and no later run takes it for something that was begun.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append
from gate.store.blobs import Blobs
from gate.store.engine import writing

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Engine

    from gate.model.base import Value
    from gate.model.decision import Decision
    from gate.model.evidence import Evidence
    from gate.model.principal import Principal


def keep_evidence(engine: Engine, evidence: Evidence) -> None:
    """Keep what is decided on: a plan may need it, and the record names it."""
    manifest, parts = evidence.split()
    with writing(engine) as connection:
        Blobs(connection).put_all(parts.values())
        Blobs(connection).put(manifest.canonical())


def record_dry_run(engine: Engine, decision: Decision, plan: Value | None, who: Principal, *, now: datetime) -> str:
    """Put a dry run on the ledger, with who asked for it; return the id of the record (`DRY-…`)."""
    run = f"DRY-{uuid.uuid4().hex}"
    with writing(engine) as connection:
        blobs = Blobs(connection)
        facts = {
            "decision": blobs.put(decision.canonical()),
            "outcome": decision.outcome.value,
            "evidence": decision.evidence,
            "plan": blobs.put(plan.canonical()) if plan is not None else "",
        }
        record = LedgerRecord(
            event=Event.DRY_RUN,
            evaluation=run,
            recorded_at=now,
            subject=decision.subject,
            repository=decision.repository,
            facts={name: value for name, value in facts.items() if value},
        )
        append(connection, record, {"actor": who.key})
    return run
