"""Reference data in memory: for tests, the demo and steps that run without a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gate.data.interface import DataRow, StoredSnapshot
from gate.errors import NotFoundError
from gate.model.digest import Digest
from gate.model.finding import DataSnapshot


@dataclass(slots=True, kw_only=True)
class _Kept:
    snapshot: DataSnapshot
    rows: int
    by_key: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


class MemoryReferenceData:
    """Keeps the same promises as the database, until the process ends."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._active: dict[str, str] = {}

    def import_snapshot(self, snapshot: DataSnapshot, rows: Iterable[DataRow]) -> StoredSnapshot:
        """Keep and activate a snapshot; see the interface."""
        place = (snapshot.kind, snapshot.digest)
        if place not in self._kept:
            by_key: dict[str, list[tuple[str, str]]] = {}
            count = 0
            for row in rows:
                by_key.setdefault(row.key, []).append((row.id, row.record))
                count += 1
            for records in by_key.values():
                records.sort()
            self._kept[place] = _Kept(snapshot=snapshot, rows=count, by_key=by_key)
        self._active[snapshot.kind] = snapshot.digest
        kept = self._kept[place]
        return StoredSnapshot(snapshot=kept.snapshot, rows=kept.rows, active=True)

    def active(self, kind: str) -> DataSnapshot | None:
        """Return the active snapshot of a kind; see the interface."""
        digest = self._active.get(kind)
        return None if digest is None else self._kept[kind, digest].snapshot

    def snapshots(self) -> tuple[StoredSnapshot, ...]:
        """List every snapshot; see the interface."""
        by_digest = sorted(self._kept.items(), key=lambda item: item[0][1])
        newest_first = sorted(by_digest, key=lambda item: item[1].snapshot.imported_at, reverse=True)
        return tuple(
            StoredSnapshot(snapshot=kept.snapshot, rows=kept.rows, active=self._active[kind] == digest)
            for (kind, digest), kept in sorted(newest_first, key=lambda item: item[0][0])
        )

    def lookup(self, kind: str, digest: Digest, keys: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Return records by key; see the interface."""
        kept = self._kept.get((kind, digest))
        if kept is None:
            message = f"no `{kind}` snapshot `{digest}` is kept"
            raise NotFoundError(message, hint="import it with `gate data import`", code="data_missing", kind=kind)
        return {key: tuple(record for _, record in kept.by_key.get(key, ())) for key in keys}
