"""Read the ledger: rows as they stand, for those who verify, and records with filters, for those who look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from pydantic import ValidationError

from gate.errors import NotFoundError, StoreError
from gate.ledger.leaf import ClaimedHead, Opening, StoredLeaf
from gate.ledger.merkle import leaf_hash
from gate.ledger.record import Event, LedgerRecord
from gate.model.base import Instant, Value, format_instant
from gate.model.digest import Digest
from gate.store.tables import ledger_head, ledger_leaves, ledger_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

PAGE = 100
"""Most records of one answer."""

_BATCH = 500


class LedgerFilter(Value):
    """Which records: all conditions that are set hold. `after` is the last index of the page before."""

    evaluation: str = ""
    event: Event | None = None
    subject: Digest | None = None
    since: Instant | None = None
    after: int = -1


class LedgerEntry(Value):
    """One record with its place. `private` has the personal values that are still kept."""

    index: int
    leaf_hash: Digest
    record: LedgerRecord
    private: dict[str, str]


class LedgerReader:
    """The ledger that one transaction sees. It reads records as they are; that they are genuine `verify` says."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def head(self) -> ClaimedHead:
        """Return what the head claims.

        Raises:
            StoreError: there is no head (`ledger_corrupt`).
        """
        row = self._connection.execute(sa.select(ledger_head)).one_or_none()
        if row is None:
            message = "the ledger has no head"
            raise StoreError(message, code="ledger_corrupt", hint="restore the database from a copy")
        return ClaimedHead(origin=row.origin, size=row.size, root=row.root, frontier=row.frontier)

    def leaves(self) -> Iterator[StoredLeaf]:
        """Yield every row by index, with the personal values that claim to belong to it; a batch at a time."""
        last: int | None = None
        while batch := self._batch(last):
            yield from batch
            last = batch[-1].index

    def stray_private(self) -> int | None:
        """Return the index that a personal value names and no leaf has, the lowest, or None."""
        private, leaves = ledger_private.c, ledger_leaves.c
        strays = sa.select(private.leaf_index).where(private.leaf_index.not_in(sa.select(leaves.leaf_index)))
        found: int | None = self._connection.scalar(strays.order_by(private.leaf_index).limit(1))
        return found

    def find(self, wanted: LedgerFilter, *, limit: int = PAGE) -> tuple[LedgerEntry, ...]:
        """List records by index, at most `limit` of them.

        Raises:
            StoreError: a row that matches can't be read (`ledger_corrupt`).
        """
        columns = ledger_leaves.c
        conditions = [columns.leaf_index > wanted.after]
        conditions += [
            column == value
            for column, value in (
                (columns.evaluation, wanted.evaluation),
                (columns.event, wanted.event and wanted.event.value),
                (columns.subject, wanted.subject),
            )
            if value
        ]
        if wanted.since is not None:
            conditions.append(columns.recorded_at >= format_instant(wanted.since))
        statement = sa.select(ledger_leaves).where(*conditions).order_by(columns.leaf_index).limit(limit)
        return tuple(_entry(leaf) for leaf in self._stored(statement))

    def at(self, index: int) -> LedgerEntry:
        """Return the record at an index; NotFoundError if the ledger is not that long."""
        found = self._stored(sa.select(ledger_leaves).where(ledger_leaves.c.leaf_index == index))
        if not found:
            message = f"the ledger has no record {index}"
            raise NotFoundError(message, hint="list them with `gate audit list`", index=index)
        return _entry(found[0])

    def _batch(self, last: int | None) -> tuple[StoredLeaf, ...]:
        statement = sa.select(ledger_leaves).order_by(ledger_leaves.c.leaf_index).limit(_BATCH)
        return self._stored(statement if last is None else statement.where(ledger_leaves.c.leaf_index > last))

    def _stored(self, statement: sa.Select[tuple[object, ...]]) -> tuple[StoredLeaf, ...]:
        rows = self._connection.execute(statement).mappings().all()
        openings = self._openings([row["leaf_index"] for row in rows])
        return tuple(
            StoredLeaf(
                index=row["leaf_index"],
                openings=openings.get(row["leaf_index"], ()),
                **{name: row[name] for name in ledger_leaves.c.keys() if name != "leaf_index"},  # noqa: SIM118 - columns
            )
            for row in rows
        )

    def _openings(self, indices: list[int]) -> dict[int, tuple[Opening, ...]]:
        private = ledger_private.c
        rows = self._connection.execute(
            sa.select(ledger_private).where(private.leaf_index.in_(indices)).order_by(private.leaf_index, private.field)
        )
        found: dict[int, tuple[Opening, ...]] = {}
        for row in rows:
            opening = Opening(commitment=row.commitment, field=row.field, salt=row.salt, value=row.value)
            found[row.leaf_index] = (*found.get(row.leaf_index, ()), opening)
        return found


def _entry(leaf: StoredLeaf) -> LedgerEntry:
    try:
        record = LedgerRecord.parse(leaf.leaf_bytes)
        hashed = "sha256:" + leaf_hash(leaf.leaf_bytes).hex()
    except (ValidationError, TypeError) as error:  # TypeError: text where bytes should be
        raise _unreadable(leaf.index) from error
    private: dict[str, str] = {}
    for opening in leaf.openings:
        if record.commitments.get(opening.field) != opening.commitment or not opening.opens():
            raise _unreadable(leaf.index)
        private[opening.field] = opening.value
    return LedgerEntry(index=leaf.index, leaf_hash=hashed, record=record, private=private)


def _unreadable(index: int) -> StoreError:
    message = f"record {index} of the ledger was altered"
    return StoreError(message, code="ledger_corrupt", hint="run `gate audit verify`", index=index)
