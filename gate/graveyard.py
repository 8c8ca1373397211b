"""What a run that discards leaves behind where bytes are kept: a row that says when they go, and who may not wake them.

Everything here is done inside the caller's transaction, next to the record of what happened.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from gate.errors import ConflictError
from gate.holds import Hold, holds_on
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.model.base import Instant, Value, format_instant
from gate.promotion.receipt import TombstoneReceipt
from gate.registry.retention import SoftDelete
from gate.store.blobs import Blobs
from gate.store.burials import Burial, Burials, BurialState
from gate.submission import load_submission

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from gate.store.evaluations import Evaluation

_TOMBSTONE = "gate.tombstone/1"


class Kept(Value):
    """What became of a discarded image's bytes, for people and programs.

    Attributes:
        state: `tombstoned`: nobody can pull it, it is deleted when due; `held`: the same, and somebody holds it, so
            that it is not; `deleted`; `restored`: served again, by somebody's decision.
        due_at: from when on it is deleted; nothing if it was deleted at once.
        recoverable: what the registry says that it keeps of what is deleted; `unknown` where it can't be asked.
        recoverable_until: until when it can be recovered, by that; nothing if it is not known.
        last: why it was not deleted at the last try; empty if there was none, or it worked.
        holds: everything that holds it now.
    """

    state: Literal["tombstoned", "held", "deleted", "restored"]
    due_at: Instant | None = None
    ended_at: Instant | None = None
    recoverable: Literal["on", "off", "unknown"] = "unknown"
    recoverable_until: Instant | None = None
    last: str = ""
    holds: tuple[Hold, ...] = ()


def enter(connection: Connection, run: Evaluation, receipt: str, *, now: datetime) -> dict[str, str]:
    """Keep a row for what a run has hidden; return what its record says of that, nothing if nothing was hidden.

    What lies buried there already, by an earlier run, is deleted when that says.

    Args:
        connection: in a transaction.
        run: the run that discarded, whose policy says how long the bytes are kept.
        receipt: digest of what was read back.
        now: when that began.
    """
    data = Blobs(connection).get(receipt) if receipt else b"{}"
    if json.loads(data).get("version") != _TOMBSTONE:
        return {}
    tombstone, policy = TombstoneReceipt.parse(data), load_submission(connection, run).policy
    due = now + (policy.decision.discard.grace or timedelta(0))
    burial = Burial(
        evaluation=run.id,
        repository=tombstone.place.place,
        digest=tombstone.digest,
        tombstone=receipt,
        buried_at=now,
        due_at=due,
        look_at=due,
    )
    burials = Burials(connection)
    if not burials.add(burial):
        burial = burials.standing(burial.repository, burial.digest) or burial
    return {"due_at": format_instant(burial.due_at)}


def refuse_buried(connection: Connection, repository: str, digest: str | None) -> None:
    """Refuse to judge anew what was denied and lies buried.

    Raises:
        ConflictError: `digest_tombstoned`.
    """
    burial = Burials(connection).standing(repository, digest) if digest else None
    if burial is None:
        return
    message = (
        f"{digest} in `{repository}` was discarded by `{burial.evaluation}` at {format_instant(burial.buried_at)}:"
        f" the same bytes are not judged again; they are deleted from {format_instant(burial.due_at)} on"
    )
    hint = (
        f"read why with `gate audit show {burial.evaluation}` and push an image that is built anew;"
        " or, where the denial has lost its ground, `gate discard restore` and submit again"
    )
    facts = {"evaluation": burial.evaluation, "due_at": format_instant(burial.due_at)}
    raise ConflictError(message, hint=hint, code="digest_tombstoned", **facts)


def kept(connection: Connection, run: Evaluation, receipt: dict[str, Any]) -> Kept | None:
    """Say what became of the bytes that a run discarded; None if it discarded nothing.

    No clock is asked: a hold that was not released is shown, with when it ends.
    """
    burial = Burials(connection).find(run.id)
    if burial is not None:
        return kept_of(connection, burial)
    if "soft_delete" not in receipt:
        return None
    soft = SoftDelete.model_validate(receipt["soft_delete"])
    at = run.finished_at
    until = at + timedelta(days=soft.days) if at is not None and soft.state == "on" else None
    return Kept(state="deleted", ended_at=at, recoverable=soft.state, recoverable_until=until)


def kept_of(connection: Connection, burial: Burial, *, now: datetime | None = None) -> Kept:
    """Say how a burial stands; without `now` no hold is taken for ended."""
    if burial.state is BurialState.DELETED:
        return _deleted(connection, burial)
    if burial.state is BurialState.RESTORED:
        return Kept(state="restored", due_at=burial.due_at, ended_at=burial.ended_at)
    tombstone = TombstoneReceipt.parse(Blobs(connection).get(burial.tombstone))
    holds = holds_on(connection, tuple(one.digest for one in tombstone.manifests))
    standing = tuple(hold for hold in holds if (hold.released_at is None if now is None else hold.stands(now)))
    state: Literal["held", "tombstoned"] = "held" if standing else "tombstoned"
    return Kept(state=state, due_at=burial.due_at, last=burial.error_code, holds=standing)


def _deleted(connection: Connection, burial: Burial) -> Kept:
    found = LedgerReader(connection).find(LedgerFilter(evaluation=burial.evaluation, event=Event.DELETED))
    facts = found[-1].record.facts if found else {}
    until = facts.get("recoverable_until", "")
    state = SoftDelete.model_validate({"state": facts.get("soft_delete", "unknown")}).state
    return Kept(
        state="deleted",
        due_at=burial.due_at,
        ended_at=burial.ended_at,
        recoverable=state,
        recoverable_until=datetime.fromisoformat(until) if until else None,
    )
