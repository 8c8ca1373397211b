"""What the ledger says happened, and that it is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.ledger.audit import verify_database
from gate.ledger.reader import LedgerEntry, LedgerFilter, LedgerReader
from gate.ledger.verify import Verified
from gate.store.engine import reading

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def entries(engine: Engine) -> tuple[LedgerEntry, ...]:
    """Return every record; what was written verifies."""
    with reading(engine) as connection:
        found = LedgerReader(connection).find(LedgerFilter())
        if found:
            assert isinstance(verify_database(connection), Verified)
        return found


def events(engine: Engine) -> list[tuple[str, int]]:
    """Return event and attempt of every record."""
    return [(entry.record.event.value, entry.record.attempt) for entry in entries(engine)]
