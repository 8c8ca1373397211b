"""Forensic holds: what somebody holds is not deleted, whatever policy says. They stand on the ledger and nowhere else.

A hold is on a digest, wherever it lies: as an image, as one of an index's, or as what is attached to one.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gate.errors import ConflictError, InputError, NotFoundError, StoreError, UsageError
from gate.ledger.reader import PAGE, LedgerFilter, LedgerReader
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append, lock
from gate.model.base import Instant, Value, format_instant
from gate.model.digest import Digest, is_digest
from gate.model.redact import redact
from gate.promotion.receipt import TombstoneReceipt
from gate.store.blobs import Blobs
from gate.store.burials import Burials, BurialState
from gate.store.engine import reading, writing
from gate.store.tables import OPEN_STATES, evaluations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from sqlalchemy.engine import Connection, Engine

    from gate.ledger.reader import LedgerEntry
    from gate.model.principal import Principal

_REASON_CHARACTERS = 1000
_BURIED = 10_000


class Hold(Value):
    """One hold. Who and why are empty once they were erased for that person's sake; the hold stands all the same.

    Attributes:
        until: when it ends by itself; None if somebody has to release it.
        late: a deletion was under way when it was placed; what that had not reached yet is kept.
    """

    id: str
    digest: Digest
    placed_at: Instant
    placed_by: str
    reason: str
    until: Instant | None = None
    late: bool = False
    released_at: Instant | None = None
    released_by: str = ""
    released_for: str = ""

    def stands(self, now: datetime) -> bool:
        """Say whether it keeps anything now. A clock that went back lets no hold end that had not ended before."""
        return self.released_at is None and (self.until is None or now < self.until)


class Holds:
    """Every hold of one database."""

    def __init__(self, engine: Engine) -> None:
        """Use the engine."""
        self._engine = engine

    def place(self, digest: str, reason: str, who: Principal, *, now: datetime, until: datetime | None = None) -> Hold:
        """Place a hold; the same by the same person while it stands is the one that stands.

        Raises:
            InputError: no digest (`bad_digest`) or no reason (`reason_missing`).
            UsageError: it would have ended already (`hold_ended`).
            NotFoundError: no image of this digest ever came here, nor was buried here (`digest_unknown`).
            ConflictError: it is deleted already (`digest_deleted`).
        """
        why = _reason(reason)
        if not is_digest(digest):
            message = f"`{digest[:80]}` is no digest"
            raise InputError(message, code="bad_digest", hint="hold an image by its `sha256:` and 64 digits")
        if until is not None and until <= now:
            message = f"a hold until {format_instant(until)} would have ended already"
            raise UsageError(message, code="hold_ended", hint="name a later day, or none")
        with writing(self._engine) as connection:
            lock(connection)
            for one in holds_on(connection, (digest,)):
                if one.stands(now) and (one.placed_by, one.reason, one.until) == (who.key, why, until):
                    return one
            facts = {"until": "" if until is None else format_instant(until), "late": _late(connection, digest)}
            record = LedgerRecord(
                event=Event.HOLD_PLACED,
                evaluation=f"HLD-{uuid.uuid4().hex}",
                recorded_at=now,
                subject=digest,
                facts={name: value for name, value in facts.items() if value},
            )
            append(connection, record, {"actor": who.key, "reason": why})
            return _one(connection, record.evaluation)

    def release(self, hold: str, reason: str, who: Principal, *, now: datetime) -> Hold:
        """Release a hold; what was due meanwhile is deleted at the next turn. Released once, it stays released.

        Raises:
            InputError: no reason (`reason_missing`).
            NotFoundError: there is no such hold (`hold_unknown`).
        """
        why = _reason(reason)
        with writing(self._engine) as connection:
            lock(connection)
            standing = _one(connection, hold)
            if standing.released_at is not None:
                return standing
            record = LedgerRecord(event=Event.HOLD_RELEASED, evaluation=hold, recorded_at=now, subject=standing.digest)
            append(connection, record, {"actor": who.key, "reason": why})
            Burials(connection).due_now(standing.digest, now)
            return _one(connection, hold)

    def standing(self, digests: Collection[str], *, now: datetime) -> Hold | None:
        """Return a hold on one of these digests that stands now, or None."""
        with reading(self._engine) as connection:
            return standing_hold(connection, digests, now)

    def listed(self, *, limit: int = 1000) -> tuple[Hold, ...]:
        """List all holds, the oldest first."""
        with reading(self._engine) as connection:
            placed = list(_records(connection, LedgerFilter(event=Event.HOLD_PLACED)))[:limit]
            return tuple(_hold(connection, entry) for entry in placed)


def standing_hold(connection: Connection, digests: Collection[str], now: datetime) -> Hold | None:
    """Return a hold on one of these digests that stands now, as this transaction sees it."""
    return next((hold for hold in holds_on(connection, digests) if hold.stands(now)), None)


def holds_on(connection: Connection, digests: Collection[str]) -> tuple[Hold, ...]:
    """Return every hold that there ever was on one of these digests.

    Raises:
        StoreError: a record can't be read: then nobody knows what is held.
    """
    found = [
        entry
        for digest in dict.fromkeys(digests)
        for entry in _records(connection, LedgerFilter(event=Event.HOLD_PLACED, subject=digest))
    ]
    return tuple(_hold(connection, entry) for entry in found)


def asking(engine: Engine, digests: Collection[str], clock: Callable[[], datetime]) -> Callable[[], bool]:
    """Return the question whether any of these digests is held; each answer is read anew."""

    def held() -> bool:
        with reading(engine) as connection:
            return standing_hold(connection, digests, clock()) is not None

    return held


def _records(connection: Connection, wanted: LedgerFilter) -> Iterator[LedgerEntry]:
    reader, after = LedgerReader(connection), -1
    while page := reader.find(wanted.model_copy(update={"after": after})):
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].index


def _one(connection: Connection, hold: str) -> Hold:
    placed = LedgerReader(connection).find(LedgerFilter(evaluation=hold, event=Event.HOLD_PLACED), limit=1)
    if not placed:
        message = f"there is no hold `{hold[:80]}`"
        raise NotFoundError(message, code="hold_unknown", hint="list them with `gate discard list`")
    return _hold(connection, placed[0])


def _hold(connection: Connection, placed: LedgerEntry) -> Hold:
    record = placed.record
    ended = LedgerReader(connection).find(
        LedgerFilter(evaluation=record.evaluation, event=Event.HOLD_RELEASED), limit=1
    )
    if record.subject is None:
        message = f"record {placed.index} of the ledger holds nothing"
        raise StoreError(message, code="ledger_corrupt", hint="run `gate audit verify`")
    until = record.facts.get("until", "")
    return Hold(
        id=record.evaluation,
        digest=record.subject,
        placed_at=record.recorded_at,
        placed_by=placed.private.get("actor", ""),
        reason=placed.private.get("reason", ""),
        until=datetime.fromisoformat(until) if until else None,
        late=record.facts.get("late", "") == "yes",
        released_at=ended[0].record.recorded_at if ended else None,
        released_by=ended[0].private.get("actor", "") if ended else "",
        released_for=ended[0].private.get("reason", "") if ended else "",
    )


def _late(connection: Connection, digest: str) -> str:
    """Say whether a deletion is under way, after seeing to it that there is something to hold."""
    burials = Burials(connection)
    rows = burials.of(digest)
    blobs = Blobs(connection)
    for row in burials.listed(limit=_BURIED):
        tombstone = TombstoneReceipt.parse(blobs.get(row.tombstone))
        if row not in rows and digest in {one.digest for one in tombstone.manifests}:
            rows = (*rows, row)
    if any(row.state is BurialState.DELETING for row in rows):
        return "yes"
    awaited = sa.select(sa.func.count()).where(evaluations.c.digest == digest, evaluations.c.state.in_(OPEN_STATES))
    if rows and all(row.state is BurialState.DELETED for row in rows) and not connection.scalar(awaited):
        message = f"{digest} was deleted at {format_instant(rows[-1].ended_at or rows[-1].due_at)}"
        hint = "`gate discard list --ended` says until when its registry can recover it"
        raise ConflictError(message, code="digest_deleted", hint=hint, digest=digest)
    known = connection.scalar(sa.select(sa.func.count()).where(evaluations.c.digest == digest))
    if not rows and not known:
        message = f"no image of the digest {digest} ever came here"
        raise NotFoundError(message, code="digest_unknown", hint="check the digest: `gate audit list --subject …`")
    return ""


def _reason(text: str) -> str:
    why = redact(" ".join(text.split()))
    if not why or len(why) > _REASON_CHARACTERS:
        message = f"a hold is placed and released for a reason, of at most {_REASON_CHARACTERS} characters"
        raise InputError(message, code="reason_missing", hint="say why: `--reason …`")
    return why
