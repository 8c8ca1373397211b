"""One change of a retirement and its ledger record, in the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append
from gate.store.retirements import Retirements, StoredRetirement

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from gate.model.principal import Principal
    from gate.model.retirement import Retirement


def put(  # noqa: PLR0913 - what a record is made from
    connection: Connection,
    retirement: Retirement,
    version: int,
    event: Event,
    *,
    now: datetime,
    actor: Principal | None = None,
    **facts: str,
) -> StoredRetirement:
    """Keep the next state of what had this version, and append what happened; the ledger is locked already.

    Who and why are personal, so the leaf commits to them and to the whole value.

    Raises:
        ConflictError: `retirement_changed`; nothing was written.
    """
    stored = Retirements(connection).put(retirement, version=version)
    known = {
        "action": retirement.action.value,
        "state": retirement.state.value,
        "round": str(retirement.round),
        "forced": "true" if retirement.forced else "",
        **facts,
    }
    private = {"retirement": retirement.canonical().decode()}
    if actor is not None:
        private["actor"] = actor.key
    record = LedgerRecord(
        event=event,
        evaluation=retirement.id,
        attempt=stored.version,
        recorded_at=now,
        subject=retirement.digest,
        repository=retirement.place,
        facts={name: value for name, value in known.items() if value},
    )
    append(connection, record, private)
    return stored
