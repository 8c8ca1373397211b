"""Where reference data is kept: whole snapshots by digest, one active for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Protocol

from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.finding import DataSnapshot


class DataKind(StrEnum):
    """The kinds of reference data that the gate can read. There is no other."""

    OSV_PYPI = "osv-pypi"
    KNOWN_EXPLOITED = "known-exploited"
    CONDA_NAMES = "conda-names"


class DataRow(Value):
    """One fact of a snapshot.

    Attributes:
        key: what it is looked up by: a PEP 503 name (`osv-pypi`), a CVE id, a conda name.
        id: what tells it from others under the same key (an advisory's id).
        record: its JSON text; only the reader of its kind knows the shape.
    """

    key: str
    id: str
    record: str


class StoredSnapshot(Value):
    """A snapshot as it is kept: its facts, how many rows it has, and whether look-ups use it now."""

    snapshot: DataSnapshot
    rows: int
    active: bool


class ReferenceData(Protocol):
    """Keeps snapshots. `tests/data/reference_data_contract.py` holds every implementation to this."""

    def import_snapshot(self, snapshot: DataSnapshot, rows: Iterable[DataRow]) -> StoredSnapshot:
        """Keep the snapshot with all its rows and make it the active one of its kind: in one step or not at all.

        The same kind and digest again keeps the first import's facts and makes it active again. If iterating
        `rows` raises, nothing changed.

        Raises:
            StoreError: the storage failed; nothing changed.
        """
        ...

    def active(self, kind: str) -> DataSnapshot | None:
        """Return the snapshot of that kind that look-ups use now, if one was ever imported."""
        ...

    def snapshots(self) -> tuple[StoredSnapshot, ...]:
        """List every snapshot kept, sorted by kind, then by the time of import, newest first."""
        ...

    def lookup(self, kind: str, digest: Digest, keys: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the records under each key in that snapshot, sorted by id. Every key asked for is in the answer.

        Raises:
            NotFoundError: no such snapshot; never an empty answer in its stead.
            StoreError: the storage failed.
        """
        ...
