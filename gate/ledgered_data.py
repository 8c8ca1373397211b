"""Reference data in the database, with every change of what look-ups use on the ledger, in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append, lock
from gate.model.base import format_instant
from gate.store.engine import writing
from gate.store.reference import ReferenceRows, StoredReferenceData
from gate.store.tables import ledger_leaves

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

    from gate.data.interface import DataRow, StoredSnapshot
    from gate.model.finding import DataSnapshot


class LedgeredReferenceData(StoredReferenceData):
    """The database's reference data; an import that changes what is in use is recorded, with who did it."""

    def __init__(self, engine: Engine, *, actor: str, now: datetime) -> None:
        """Use the engine; `actor` is `tenant/object-id` as claimed, empty where nobody is named."""
        super().__init__(engine)
        self._writable = engine
        self._actor = actor
        self._now = now

    def import_snapshot(self, snapshot: DataSnapshot, rows: Iterable[DataRow]) -> StoredSnapshot:
        """Keep, activate and record in one transaction; what is in use already changes nothing and is not recorded."""
        with writing(self._writable) as connection:
            lock(connection)
            kept = ReferenceRows(connection)
            before = kept.active(snapshot.kind)
            stored = kept.import_snapshot(snapshot, rows)
            if before is None or before.digest != snapshot.digest:
                append(connection, self._record(connection, stored, before), {"actor": self._actor})
            return stored

    def _record(self, connection: Connection, stored: StoredSnapshot, before: DataSnapshot | None) -> LedgerRecord:
        snapshot = stored.snapshot
        about = f"data/{snapshot.kind}/{snapshot.digest}"
        leaves = ledger_leaves.c
        said = connection.scalar(sa.select(sa.func.count()).where(leaves.evaluation == about))
        facts = {
            "kind": snapshot.kind,
            "digest": snapshot.digest,
            "source": snapshot.source,
            "published_at": format_instant(snapshot.published_at),
            "rows": str(stored.rows),
            "replaces": before.digest if before else "",
        }
        return LedgerRecord(
            event=Event.DATA_IMPORTED,
            evaluation=about,
            attempt=(said or 0) + 1,
            recorded_at=self._now,
            facts=facts,
        )
