"""Reference data kept in the database: whole snapshots by digest, one active for each kind."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.data.interface import StoredSnapshot
from gate.errors import NotFoundError
from gate.model.base import format_instant
from gate.model.finding import DataSnapshot
from gate.store.engine import reading, writing
from gate.store.tables import reference_data, reference_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy.engine import Connection, Engine, RowMapping

    from gate.data.interface import DataRow
    from gate.model.digest import Digest

_CHUNK = 1000
_KEYS = 400


class ReferenceRows:
    """The snapshots that one transaction sees: `gate.data.interface.ReferenceData` inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def import_snapshot(self, snapshot: DataSnapshot, rows: Iterable[DataRow]) -> StoredSnapshot:
        """Keep the snapshot and make it the active one of its kind; the interface says what holds when it fails."""
        with self._connection.begin_nested():
            standing = self._one(snapshot.kind, snapshot.digest)
            if standing is None:
                count = self._keep(snapshot, rows)
                standing = StoredSnapshot(snapshot=snapshot, rows=count, active=True)
            self._activate(snapshot.kind, snapshot.digest)
        return standing.model_copy(update={"active": True})

    def active(self, kind: str) -> DataSnapshot | None:
        """Return the snapshot of that kind that look-ups use now, if there is one."""
        row = self._select(reference_data.c.kind == kind, reference_data.c.active).one_or_none()
        return None if row is None else _stored(row).snapshot

    def snapshots(self) -> tuple[StoredSnapshot, ...]:
        """List every snapshot kept, sorted by kind, then by the time of import, newest first."""
        return tuple(_stored(row) for row in self._select())

    def lookup(self, kind: str, digest: Digest, keys: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the records under each key in that snapshot, sorted by id.

        Raises:
            NotFoundError: no such snapshot.
        """
        if self._one(kind, digest) is None:
            message = f"no snapshot `{digest}` of `{kind}` is kept"
            raise NotFoundError(message, hint="import it with `gate data import`", kind=kind, digest=digest)
        wanted = sorted(set(keys))
        found: dict[str, list[tuple[str, str]]] = {key: [] for key in wanted}
        columns = reference_rows.c
        for start in range(0, len(wanted), _KEYS):
            rows = self._connection.execute(
                sa.select(columns.key, columns.id, columns.record)
                .where(columns.kind == kind, columns.snapshot == digest)
                .where(columns.key.in_(wanted[start : start + _KEYS]))
            )
            for row in rows:
                found[row.key].append((row.id, row.record))
        # Sorted here, for databases sort text each in their own way.
        return {key: tuple(record for _, record in sorted(records)) for key, records in found.items()}

    def _keep(self, snapshot: DataSnapshot, rows: Iterable[DataRow]) -> int:
        count = 0
        for chunk in _chunks(rows):
            count += len(chunk)
            fixed = {"kind": snapshot.kind, "snapshot": snapshot.digest}
            values = [{**fixed, "key": row.key, "id": row.id, "record": row.record} for row in chunk]
            self._connection.execute(sa.insert(reference_rows), values)
        self._connection.execute(
            sa.insert(reference_data).values(
                kind=snapshot.kind,
                digest=snapshot.digest,
                source=snapshot.source,
                published_at=format_instant(snapshot.published_at),
                imported_at=format_instant(snapshot.imported_at),
                active=False,
                row_count=count,
            )
        )
        return count

    def _activate(self, kind: str, digest: str) -> None:
        of_kind = sa.update(reference_data).where(reference_data.c.kind == kind)
        self._connection.execute(of_kind.where(reference_data.c.digest != digest).values(active=False))
        self._connection.execute(of_kind.where(reference_data.c.digest == digest).values(active=True))

    def _one(self, kind: str, digest: str) -> StoredSnapshot | None:
        row = self._select(reference_data.c.kind == kind, reference_data.c.digest == digest).one_or_none()
        return None if row is None else _stored(row)

    def _select(self, *conditions: sa.ColumnElement[bool]) -> sa.MappingResult:
        order = (reference_data.c.kind, reference_data.c.imported_at.desc(), reference_data.c.digest)
        return self._connection.execute(sa.select(reference_data).where(*conditions).order_by(*order)).mappings()


class StoredReferenceData:
    """The same for callers that hold no transaction: each call is one of its own."""

    def __init__(self, engine: Engine) -> None:
        """Use the engine for each call."""
        self._engine = engine

    def import_snapshot(self, snapshot: DataSnapshot, rows: Iterable[DataRow]) -> StoredSnapshot:
        """Keep the snapshot and make it the active one of its kind."""
        with writing(self._engine) as connection:
            return ReferenceRows(connection).import_snapshot(snapshot, rows)

    def active(self, kind: str) -> DataSnapshot | None:
        """Return the snapshot of that kind that look-ups use now, if there is one."""
        with reading(self._engine) as connection:
            return ReferenceRows(connection).active(kind)

    def snapshots(self) -> tuple[StoredSnapshot, ...]:
        """List every snapshot kept."""
        with reading(self._engine) as connection:
            return ReferenceRows(connection).snapshots()

    def lookup(self, kind: str, digest: Digest, keys: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the records under each key in that snapshot, sorted by id."""
        with reading(self._engine) as connection:
            return ReferenceRows(connection).lookup(kind, digest, keys)


def _chunks(rows: Iterable[DataRow]) -> Iterator[list[DataRow]]:
    source = iter(rows)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk


def _stored(row: RowMapping) -> StoredSnapshot:
    snapshot = DataSnapshot.model_validate({name: row[name] for name in DataSnapshot.model_fields})
    return StoredSnapshot(snapshot=snapshot, rows=row["row_count"], active=row["active"])
