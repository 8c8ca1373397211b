"""What was discarded and how its bytes stand, as a table and as one JSON object; `gate discard list` prints it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict, Field

from gate.graveyard import Kept, kept_of
from gate.holds import Hold
from gate.model.base import Value, format_instant
from gate.model.digest import Digest
from gate.model.quiet import quiet, quiet_json
from gate.model.redact import redact
from gate.store.burials import Burials

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.engine import Connection

SCHEMA = "gate.discards/1"


class Discarded(Value):
    """One discarded image whose bytes were kept: by which run, where, and how they stand."""

    evaluation: str
    repository: str
    digest: Digest
    kept: Kept


class Discards(Value):
    """A page of them. `next` is where the next one begins; `holds` are all that anybody placed and did not release."""

    model_config = ConfigDict(title=SCHEMA)

    schema_: Literal["gate.discards/1"] = Field(default="gate.discards/1", alias="schema")
    discards: tuple[Discarded, ...]
    holds: tuple[Hold, ...]
    next: str = ""


def discards_in(  # noqa: PLR0913 - what is shown, as of when, and which page
    connection: Connection, holds: Iterable[Hold], *, now: datetime, ended: bool, after: str, limit: int
) -> Discards:
    """Gather a page, as one transaction sees it."""
    rows = Burials(connection).listed(ended=ended, after=after, limit=limit)
    found = tuple(
        Discarded(
            evaluation=row.evaluation,
            repository=row.repository,
            digest=row.digest,
            kept=kept_of(connection, row, now=now),
        )
        for row in rows
    )
    standing = tuple(hold for hold in holds if hold.stands(now))
    return Discards(discards=found, holds=standing, next=rows[-1].evaluation if len(rows) == limit else "")


def render_json(value: Value) -> str:
    """Return the object, indented."""
    return quiet_json(json.dumps(value.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False)) + "\n"


def render_text(found: Discards) -> str:
    """Return a line an image, and a line a hold."""
    lines = []
    for one in found.discards:
        kept = one.kept
        when = {"deleted": kept.ended_at, "restored": kept.ended_at}.get(kept.state, kept.due_at)
        said = {"tombstoned": "deleted from", "held": "held; due", "deleted": "deleted at", "restored": "served since"}
        lines.append(f"{one.repository}@{one.digest}: {said[kept.state]} {_day(when)} ({one.evaluation})")
        if kept.state == "deleted":
            until = f" until {_day(kept.recoverable_until)}" if kept.recoverable_until else ""
            lines.append(f"    recoverable: {kept.recoverable}{until}")
        lines += [f"    last try: {kept.last}"] if kept.last else []
    lines += [hold_line(hold) for hold in found.holds]
    return "".join(f"{plain(line)}\n" for line in lines)


def hold_line(hold: Hold) -> str:
    """Say one hold."""
    until = f" until {_day(hold.until)}" if hold.until else ""
    released = f"; released by {hold.released_by} at {_day(hold.released_at)}" if hold.released_at else ""
    who = hold.placed_by or "somebody"
    return f"{hold.id}: {hold.digest} held by {who} since {_day(hold.placed_at)}{until}: {hold.reason}{released}"


def plain(line: str) -> str:
    """Keep what somebody wrote from steering a terminal or a pipeline."""
    return quiet(redact("".join(char if char.isprintable() else " " for char in line)))


def _day(instant: datetime | None) -> str:
    return format_instant(instant) if instant is not None else "-"
