"""What was discarded and is not deleted yet: a row each, and who works on it; one at a time, while a lease lives."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gate.errors import ConflictError
from gate.model.base import Instant, Value, format_instant
from gate.model.digest import Digest
from gate.store.dialect import insert_new
from gate.store.tables import burials

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection, RowMapping


class BurialState(StrEnum):
    """`buried` waits; `deleting` is under way, or was when its process died; the others are final."""

    BURIED = "buried"
    DELETING = "deleting"
    DELETED = "deleted"
    RESTORED = "restored"


STANDING = (BurialState.BURIED, BurialState.DELETING)


class Burial(Value):
    """One discarded image whose bytes are, or were, kept for a while.

    Attributes:
        evaluation: the run that discarded it.
        tombstone: the receipt of what was hidden, by digest.
        due_at: from when on it may be deleted, if nobody holds it.
        look_at: when it is looked at next: whether it is still hidden, and whether it is due.
        attempt: counts those who took it on.
        receipt: of its deletion or restoration, by digest.
        error_code: why the last attempt to delete it failed.
    """

    evaluation: str
    repository: str
    digest: Digest
    state: BurialState = BurialState.BURIED
    tombstone: Digest
    buried_at: Instant
    due_at: Instant
    look_at: Instant
    attempt: int = 0
    lease_owner: str = ""
    lease_expires_at: Instant | None = None
    receipt: Digest | None = None
    ended_at: Instant | None = None
    error_code: str = ""


class Burials:
    """The rows that one transaction sees. Every change names the attempt that makes it."""

    def __init__(self, connection: Connection) -> None:
        """Work inside the connection's transaction."""
        self._connection = connection

    def add(self, burial: Burial) -> bool:
        """Add a row; false if the run has one, or the digest lies buried in this place by an earlier run."""
        return insert_new(self._connection, burials, _row(burial))

    def find(self, evaluation: str) -> Burial | None:
        """Return the row of a run, or None."""
        return self._one(burials.c.evaluation == evaluation)

    def standing(self, repository: str, digest: str) -> Burial | None:
        """Return what is buried under this digest in this place, or None."""
        return self._one(
            sa.and_(burials.c.repository == repository, burials.c.digest == digest, _in(STANDING)),
        )

    def of(self, digest: str) -> tuple[Burial, ...]:
        """Return all rows of a digest, the oldest first."""
        return self._many(sa.select(burials).where(burials.c.digest == digest), 1000)

    def listed(self, *, ended: bool = False, after: str = "", limit: int = 100) -> tuple[Burial, ...]:
        """List rows by run, those that stand, or with `ended` all."""
        wanted = sa.select(burials).where(burials.c.evaluation > after)
        wanted = wanted if ended else wanted.where(_in(STANDING))
        rows = self._connection.execute(wanted.order_by(burials.c.evaluation).limit(limit)).mappings()
        return tuple(_burial(row) for row in rows)

    def waiting(self, now: datetime, *, limit: int) -> tuple[Burial, ...]:
        """List what is to be looked at now and that nobody works on, the longest overdue first."""
        at = format_instant(now)
        wanted = sa.select(burials).where(_in(STANDING), burials.c.look_at <= at, burials.c.lease_expires_at <= at)
        return self._many(wanted, limit)

    def claim(self, burial: Burial, *, owner: str, now: datetime, length: timedelta) -> Burial | None:
        """Take a row on, as its next worker; None if somebody else has by now."""
        taken = {
            "attempt": burial.attempt + 1,
            "lease_owner": owner,
            "lease_expires_at": now + length,
        }
        condition = sa.and_(
            burials.c.evaluation == burial.evaluation,
            burials.c.attempt == burial.attempt,
            burials.c.lease_expires_at <= format_instant(now),
            _in(STANDING),
        )
        return self._changed(burial, condition, taken)

    def change(self, burial: Burial, **facts: object) -> Burial:
        """Change a row that this attempt holds.

        Raises:
            ConflictError: somebody else has taken it on, or it has ended (`burial_lost`).
        """
        condition = sa.and_(
            burials.c.evaluation == burial.evaluation, burials.c.attempt == burial.attempt, _in(STANDING)
        )
        changed = self._changed(burial, condition, facts)
        if changed is None:
            message = f"what `{burial.evaluation}` discarded is somebody else's to delete by now"
            raise ConflictError(message, code="burial_lost", hint="look with `gate discard list`")
        return changed

    def due_now(self, digest: str, now: datetime) -> int:
        """Have everything under a digest looked at at the next turn; return how much there is."""
        changed = self._connection.execute(
            sa.update(burials)
            .where(burials.c.digest == digest, _in((BurialState.BURIED,)))
            .values(look_at=format_instant(now))
        )
        return changed.rowcount

    def _changed(self, burial: Burial, condition: sa.ColumnElement[bool], facts: dict[str, Any]) -> Burial | None:
        changed = Burial.model_validate({**burial.model_dump(), **facts})
        row = _row(changed)
        values = {name: row[name] for name in facts}
        done = self._connection.execute(sa.update(burials).where(condition).values(values))
        return changed if done.rowcount == 1 else None

    def _one(self, condition: sa.ColumnElement[bool]) -> Burial | None:
        row = self._connection.execute(sa.select(burials).where(condition)).mappings().one_or_none()
        return None if row is None else _burial(row)

    def _many(self, wanted: sa.Select[Any], limit: int) -> tuple[Burial, ...]:
        ordered = wanted.order_by(burials.c.look_at, burials.c.evaluation).limit(limit)
        return tuple(_burial(row) for row in self._connection.execute(ordered).mappings())


def _in(states: Iterable[BurialState]) -> sa.ColumnElement[bool]:
    return burials.c.state.in_([state.value for state in states])


def _row(burial: Burial) -> dict[str, Any]:
    return {name: "" if content is None else content for name, content in burial.model_dump(mode="json").items()}


def _burial(row: RowMapping) -> Burial:
    optional = {name for name, field in Burial.model_fields.items() if not field.is_required()}
    return Burial.model_validate({name: value for name, value in row.items() if value != "" or name not in optional})
