"""What the ledger's tests write: records of one form, at one time."""

from __future__ import annotations

from datetime import UTC, datetime

from gate.ledger.record import Event, LedgerRecord

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32


def record(evaluation: str = "ev-1", event: Event = Event.EVALUATION_SUBMITTED, **more: object) -> LedgerRecord:
    """Return a record, the same each time unless told otherwise."""
    fields: dict[str, object] = {"subject": DIGEST, "repository": "r.example.org/staging/app", "recorded_at": NOW}
    return LedgerRecord.model_validate({"evaluation": evaluation, "event": event, **fields, **more})
