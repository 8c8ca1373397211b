"""Say what reference data is kept and how old it is; a kind that was never imported is named, not left out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from gate.data.interface import DataKind, StoredSnapshot
from gate.model.base import Instant, Value, format_instant
from gate.model.digest import Digest

SCHEMA = "gate.data-status/1"


class SnapshotStatus(Value):
    """One snapshot; `age_seconds` runs from its publication, not from its import."""

    digest: Digest
    source: str
    rows: int
    published_at: Instant
    imported_at: Instant
    age_seconds: int
    active: bool


class KindStatus(Value):
    """One kind; `state` is `missing` where look-ups have nothing to answer from."""

    kind: str
    state: Literal["active", "missing"]
    snapshots: tuple[SnapshotStatus, ...]


class DataStatus(Value):
    """Every kind that the gate knows, and the snapshots kept of it, newest import first."""

    model_config = ConfigDict(title=SCHEMA)

    schema_: Literal["gate.data-status/1"] = Field(default="gate.data-status/1", alias="schema")
    as_of: Instant
    kinds: tuple[KindStatus, ...]


def status(kept: Iterable[StoredSnapshot], *, now: datetime) -> DataStatus:
    """Arrange what is kept, as of `now`."""
    by_kind: dict[str, list[SnapshotStatus]] = {kind.value: [] for kind in DataKind}
    for one in kept:
        snapshot = one.snapshot
        by_kind.setdefault(snapshot.kind, []).append(
            SnapshotStatus(
                digest=snapshot.digest,
                source=snapshot.source,
                rows=one.rows,
                published_at=snapshot.published_at,
                imported_at=snapshot.imported_at,
                age_seconds=int((now - snapshot.published_at).total_seconds()),
                active=one.active,
            )
        )
    kinds = (
        KindStatus(kind=kind, state="active" if any(one.active for one in items) else "missing", snapshots=tuple(items))
        for kind, items in by_kind.items()
    )
    return DataStatus(as_of=now, kinds=tuple(kinds))


def as_text(report: DataStatus) -> str:
    """Write a status for people: one line a snapshot."""
    lines: list[str] = []
    for kind in report.kinds:
        if kind.state == "missing":
            lines.append(f"{kind.kind}: missing; import it with `gate data import {kind.kind} FILE`")
        for one in kind.snapshots:
            use = "in use" if one.active else "kept"
            lines.append(
                f"{kind.kind}: {use}, {one.rows} rows, {_age(one.age_seconds)} old, published "
                f"{format_instant(one.published_at)}, imported {format_instant(one.imported_at)}"
            )
            lines.append(f"  {one.digest} from {_visible(one.source) or 'an unnamed source'}")
    return "\n".join(lines) + "\n"


def _age(seconds: int) -> str:
    days, rest = divmod(max(seconds, 0), 86_400)
    return f"{days} d {rest // 3600} h"


def _visible(text: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
