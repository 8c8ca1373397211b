"""Hold the rows of what lies buried against the records of who discarded, deleted and restored it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.ledger.record import Event
from gate.ledger.verify import Corrupt, Flaw
from gate.store.burials import BurialState
from gate.store.tables import burials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, RowMapping

    from gate.ledger.record import LedgerRecord

_NEEDED = {BurialState.DELETED.value: Event.DELETED, BurialState.RESTORED.value: Event.TOMBSTONE_LIFTED}
"""What must be on record of a row that has ended."""


class Buried:
    """What records say of discarded images whose bytes were kept; each with the index of the record that says so."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._discards: dict[str, tuple[int, LedgerRecord]] = {}
        self._ended: dict[tuple[str, Event], str] = {}

    def visit(self, index: int, record: LedgerRecord) -> None:
        """Note what the record says."""
        if record.event is Event.DISCARDED and "due_at" in record.facts:
            self._discards[record.evaluation] = (index, record)
        if record.event in _NEEDED.values():
            self._ended[record.evaluation, record.event] = record.facts.get("receipt", "")

    def flaws(self, connection: Connection) -> Iterator[Corrupt]:
        """Yield every row that is not as recorded, and every record that lacks its row."""
        rows = connection.execute(sa.select(burials).order_by(burials.c.evaluation)).mappings().all()
        for row in rows:
            index, record = self._discards.get(row["evaluation"], (None, None))
            if record is None:
                yield Corrupt(code=Flaw.BURIAL_UNRECORDED, detail=row["evaluation"])
            elif not self._agrees(row, record):
                yield Corrupt(code=Flaw.BURIAL_DIFFERS, index=index, detail=row["evaluation"])
        known = {row["evaluation"] for row in rows} | {(row["repository"], row["digest"]) for row in rows}
        for run, (index, record) in self._discards.items():
            # A second run may have denied what lay buried already: then the first one's row is that of both.
            if run not in known and (record.repository, record.subject) not in known:
                yield Corrupt(code=Flaw.BURIAL_DIFFERS, index=index, detail=f"no row for {run}")

    def _agrees(self, row: RowMapping, record: LedgerRecord) -> bool:
        said = (record.facts.get("receipt"), record.facts.get("due_at"), record.subject, record.repository)
        if said != (row["tombstone"], row["due_at"], row["digest"], row["repository"]):
            return False
        needed = _NEEDED.get(row["state"])
        if needed is None:
            return (row["evaluation"], Event.DELETED) not in self._ended
        recorded = self._ended.get((row["evaluation"], needed))
        return recorded == row["receipt"] if needed is Event.DELETED else recorded is not None
