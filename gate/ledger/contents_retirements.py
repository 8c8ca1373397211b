"""Hold the rows of what is taken out of service against the records of who asked for it and who agreed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from pydantic import ValidationError

from gate.ledger.verify import Corrupt, Flaw
from gate.model.retirement import Retirement
from gate.store.retirements import retirement_row
from gate.store.tables import ledger_private, retired_tags, retirements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, RowMapping

    from gate.ledger.record import LedgerRecord

_FACT = "retirement"


class Retired:
    """What records say of retirements: the last one of each, with its index."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._last: dict[str, tuple[int, LedgerRecord]] = {}

    def visit(self, index: int, record: LedgerRecord) -> None:
        """Note what the record says."""
        if _FACT in record.commitments:
            self._last[record.evaluation] = (index, record)

    def flaws(self, connection: Connection) -> Iterator[Corrupt]:
        """Yield every row that is not as it was last recorded, every record that lacks its row, and tags of nobody."""
        left = dict(self._last)
        for row in connection.execute(sa.select(retirements).order_by(retirements.c.id)).mappings().all():
            index, record = left.pop(row["id"], (None, None))
            if record is None:
                yield Corrupt(code=Flaw.RETIREMENT_UNRECORDED, detail=row["id"])
            elif not _agrees(connection, row, record):
                yield Corrupt(code=Flaw.RETIREMENT_DIFFERS, index=index, detail=row["id"])
        for name, (index, _) in left.items():
            yield Corrupt(code=Flaw.RETIREMENT_DIFFERS, index=index, detail=f"no row for {name}")
        tags = sa.select(retired_tags).order_by(retired_tags.c.place, retired_tags.c.tag)
        for row in connection.execute(tags).mappings().all():
            index, record = self._last.get(row["retirement"], (None, None))
            if record is None or (record.subject, record.repository) != (row["digest"], row["place"]):
                yield Corrupt(code=Flaw.RETIREMENT_DIFFERS, index=index, detail=f"{row['place']}:{row['tag']}"[:200])


def _agrees(connection: Connection, row: RowMapping, record: LedgerRecord) -> bool:
    """Say whether the row is what was recorded; who and why may have been erased for their people's sake."""
    try:
        standing = Retirement.parse(row["body"])
    except (ValidationError, TypeError):
        return False
    private = ledger_private.c
    recorded = connection.scalar(sa.select(private.value).where(private.commitment == record.commitments[_FACT]))
    said = (record.subject, record.repository, record.facts.get("state"), record.facts.get("action"), record.attempt)
    known = (row["digest"], row["place"], row["state"], row["action"], row["version"])
    return (
        {**retirement_row(standing), "version": row["version"]} == dict(row)
        and said == known
        and (recorded in {None, row["body"]})
    )
