"""Delete what was discarded when its grace is over: a row in the database each, no thread, a lease while it is done.

Called again and again by whoever keeps the service going, or once by `gate discard due`. Each turn also looks whether
what is buried still is: who pushes the same bytes again does not bring to life what was denied. Nothing is believed of
yesterday: places, holds and users are asked for anew, and the last of these between two deletions.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from gate.errors import ConflictError, GateError, StoreError
from gate.holds import asking, standing_hold
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append, lock
from gate.model.base import format_instant
from gate.model.failure import Failure
from gate.model.image import ImageRef
from gate.model.redact import redact
from gate.policy.schema import Policy
from gate.promotion.erase import erase
from gate.promotion.places import Places
from gate.promotion.receipt import TombstoneReceipt
from gate.promotion.tombstone import entomb, is_buried
from gate.store.blobs import Blobs
from gate.store.burials import Burial, Burials, BurialState
from gate.store.engine import reading, writing
from gate.store.evaluations import Evaluations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import Connection, Engine

    from gate.bounds import ImageBounds
    from gate.model.base import Value
    from gate.model.image import Transport
    from gate.registry.interface import ImageWriter
    from gate.registry.retention import SoftDelete

_KEPT = frozenset({"digest_in_use", "users_unasked", "not_staging", "digest_held"})
"""Refusals after which everything stays as it is, hidden: none of them is a failure."""
_FACT = 2000
"""Characters of a fact."""
_log = logging.getLogger("gate.due")


class Outside(Protocol):
    """What is asked and told outside the registries, for a deletion."""

    def refuse_used(self, tombstone: TombstoneReceipt, policy: Policy, *, now: datetime) -> None:
        """Raise ConflictError (`digest_in_use`, fact `users`) if somebody outside the repository uses it by now."""
        ...

    def soft_delete(self, place: ImageRef) -> SoftDelete:
        """Say what the place keeps of what is deleted; raises nothing."""
        ...

    def say(self, title: str, body: str) -> str:
        """Tell people; return `sent`, `nobody` or a code of failure. Raises nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """How what is buried is looked after.

    Attributes:
        pace: time between two looks at one image.
        lease: how long one turn at one image may take before another gate takes it on.
        most: most images of one turn.
        again: time until an image that somebody uses is asked for once more.
    """

    pace: timedelta = timedelta(hours=1)
    lease: timedelta = timedelta(minutes=10)
    most: int = 50
    again: timedelta = timedelta(days=1)


class DueDiscards:
    """Carries out what falls due; any number of gates may, and each image is one gate's at a time."""

    def __init__(  # noqa: PLR0913 - collaborators, each named
        self,
        *,
        engine: Engine,
        stores: Mapping[Transport, ImageWriter],
        policy: Policy,
        outside: Outside,
        owner: str,
        clock: Callable[[], datetime],
        bounds: ImageBounds | None = None,
        care: Care | None = None,
    ) -> None:
        """Take the collaborators; `policy` is the one in force now, `owner` an id that no other process has."""
        self._engine = engine
        self._stores = stores
        self._policy = policy
        self._outside = outside
        self._owner = owner
        self._clock = clock
        self._bounds = bounds
        self._care = care or Care()

    def once(self) -> int:
        """Look at everything whose time has come; return how many images were deleted or hidden anew."""
        now = self._clock()
        with reading(self._engine) as connection:
            waiting = Burials(connection).waiting(now, limit=self._care.most)
        return sum(self._safely(burial, now) for burial in waiting)

    def _safely(self, burial: Burial, now: datetime) -> bool:
        """Give one image its turn; what goes wrong with it keeps no other from its own."""
        try:
            return self._turn(burial, now)
        except GateError as error:  # the database, or a row that another gate has by now: the lease lapses
            _log.warning("`%s` could not be looked after: %s", burial.evaluation, redact(error.message))
            return False

    def _turn(self, burial: Burial, now: datetime) -> bool:
        with writing(self._engine) as connection:
            lock(connection)
            mine = Burials(connection).claim(burial, owner=self._owner, now=now, length=self._care.lease)
        if mine is None:
            return False
        try:
            return self._look(mine, now)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - the unforeseen is put on record like any failure
            return self._failed(mine, Failure.of(error))

    def _look(self, burial: Burial, now: datetime) -> bool:
        tombstone, policy = self._loaded(burial)
        if now < burial.buried_at:
            # A clock that went back: nothing is due by it, and nothing is undone.
            _log.warning("the clock is before the burial of `%s`: nothing is deleted", burial.evaluation)
            return False
        digests = tuple(one.digest for one in tombstone.manifests)
        with reading(self._engine) as connection:
            held = standing_hold(connection, digests, now)
        if burial.due_at > now or held is not None:
            return self._keep_hidden(burial, tombstone, now)
        with writing(self._engine) as connection:
            lock(connection)
            if standing_hold(connection, digests, now) is not None:
                return self._rest(connection, burial, now)
            burial = Burials(connection).change(burial, state=BurialState.DELETING)
            self._record(connection, burial, Event.DELETION_INTENDED, now, tombstone=burial.tombstone)
        return self._delete(burial, tombstone, policy, now)

    def _delete(self, burial: Burial, tombstone: TombstoneReceipt, policy: Policy, now: datetime) -> bool:
        digests = tuple(one.digest for one in tombstone.manifests)
        store = self._stores[tombstone.place.transport]
        try:
            self._refuse_moved(tombstone.place)
            self._outside.refuse_used(tombstone, policy, now=now)
            held = asking(self._engine, digests, self._clock)
            receipt = erase(tombstone, store, places=places_of(policy), held=held, bounds=self._bounds)
        except GateError as error:
            if error.error_code not in _KEPT:
                raise
            return self._kept(burial, error, now)
        kept = self._outside.soft_delete(tombstone.place)
        self._deleted(burial, receipt.model_copy(update={"soft_delete": kept}), kept)
        return True

    def _refuse_moved(self, place: ImageRef) -> None:
        """Refuse what is no staging place by the policy of today, whatever it was when the image was denied."""
        if not places_of(self._policy).is_staging(place):
            message = f"`{place.place}` is no staging place any more"
            raise ConflictError(message, code="not_staging", place=place.place)

    def _deleted(self, burial: Burial, receipt: Value, kept: SoftDelete) -> None:
        now = self._clock()
        with writing(self._engine) as connection:
            lock(connection)
            digest = Blobs(connection).put(receipt.canonical())
            until = format_instant(now + timedelta(days=kept.days)) if kept.state == "on" else ""
            ended = {"state": BurialState.DELETED, "receipt": digest, "ended_at": now, "error_code": ""}
            burial = Burials(connection).change(burial, **ended)
            facts = {"receipt": digest, "soft_delete": kept.state, "recoverable_until": until}
            self._record(connection, burial, Event.DELETED, now, **facts)

    def _keep_hidden(self, burial: Burial, tombstone: TombstoneReceipt, now: datetime) -> bool:
        """See to it that nobody can pull what is buried, and look again later."""
        store = self._stores[tombstone.place.transport]
        digests = tuple(one.digest for one in tombstone.manifests)
        renewed = not is_buried(store, tombstone.place, digests, tombstone.tags)
        if renewed:
            entomb(store, tombstone.place, digests, tombstone.tags)
        with writing(self._engine) as connection:
            lock(connection)
            if renewed:
                self._record(connection, burial, Event.TOMBSTONE_RENEWED, now, tombstone=burial.tombstone)
            self._rest(connection, burial, now)
        return renewed

    def _rest(self, connection: Connection, burial: Burial, now: datetime) -> bool:
        look = now + self._care.pace
        if now < burial.due_at < look:
            look = burial.due_at
        Burials(connection).change(burial, state=BurialState.BURIED, look_at=look, lease_expires_at=None, error_code="")
        return False

    def _kept(self, burial: Burial, error: GateError, now: datetime) -> bool:
        """Leave it hidden, put on record for whom, and tell people unless it is held, which somebody meant."""
        users = error.facts.get("users", "")
        told = ""
        if error.error_code not in {"digest_held", burial.error_code}:
            told = self._outside.say(*_message(burial, error))
        with writing(self._engine) as connection:
            lock(connection)
            facts = {"code": error.error_code, "users": users, "told": told}
            self._record(connection, burial, Event.DELETION_KEPT, now, **facts)
            Burials(connection).change(
                burial,
                state=BurialState.BURIED,
                look_at=now + self._care.again,
                lease_expires_at=None,
                error_code=error.error_code,
            )
        return False

    def _failed(self, burial: Burial, failure: Failure) -> bool:
        now = self._clock()
        _log.warning("what `%s` discarded could not be looked after: %s", burial.evaluation, redact(failure.message))
        with writing(self._engine) as connection:
            lock(connection)
            if burial.error_code != failure.code:
                detail = Blobs(connection).put(failure.canonical())
                self._record(connection, burial, Event.DELETION_FAILED, now, code=failure.code, failure=detail)
            Burials(connection).change(
                burial, look_at=now + self._care.pace, lease_expires_at=None, error_code=failure.code
            )
        return False

    def _loaded(self, burial: Burial) -> tuple[TombstoneReceipt, Policy]:
        with reading(self._engine) as connection:
            blobs = Blobs(connection)
            run = Evaluations(connection).get(burial.evaluation)
            return (
                TombstoneReceipt.parse(blobs.get(burial.tombstone)),
                Policy.parse(blobs.get(run.policy_digest or "")),
            )

    def _record(self, connection: Connection, burial: Burial, event: Event, now: datetime, **facts: str) -> None:
        record = LedgerRecord(
            event=event,
            evaluation=burial.evaluation,
            attempt=burial.attempt,
            recorded_at=now,
            subject=burial.digest,
            repository=burial.repository,
            facts={name: value[:_FACT] for name, value in facts.items() if value},
        )
        append(connection, record)


def places_of(policy: Policy) -> Places:
    """Return the places of a policy."""
    return Places.of((place.staging, place.release) for place in policy.decision.promotion)


def _message(burial: Burial, error: GateError) -> tuple[str, str]:
    """Return title and body for people: what stays, for whom, and what they can do."""
    lines = [redact(error.message)[:500]]
    lines += [f"next: {redact(error.hint)[:500]}"] if error.hint else []
    lines += ["nobody can pull it; it is asked for again tomorrow", f"details: gate audit show {burial.evaluation}"]
    return f"gate: kept {burial.repository}@{burial.digest}, which was due to be deleted", "\n".join(lines)
