"""Carry out what two people agreed on: each step's intent is on record before it, its outcome after it was read back.

Numbered as in the code: 1. look who uses it, plan, and record the intent; 2. look again, hide it (or delete it, where
it can't be hidden), and record that; 3. when its time has come, look again, delete what is hidden, and record that. A
process that dies between any two is followed by the next call; a second gate does the same to the same end, and one of
the two records it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, assert_never

from gate.errors import ConflictError, GateError, StoreError
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.ledger.writer import lock
from gate.model.image import ImageRef
from gate.model.retirement import Retirement, RetirementAction, RetirementState
from gate.retirement.plan import RetirementPlan
from gate.retirement.recording import put
from gate.retirement.workflow import changed
from gate.store.blobs import Blobs
from gate.store.engine import reading, writing
from gate.store.retirements import Retirements, StoredRetirement

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Engine

    from gate.policy.schema import Policy
    from gate.retirement.carrying import Carrying

_ROUNDS = 20
"""More than a retirement has steps: whoever finds it changed each time gives up."""


class RetirementRun:
    """Carries retirements out. Holds no state of its own."""

    def __init__(self, *, engine: Engine, policy: Policy, carrying: Carrying) -> None:
        """Work on a database whose schema is up to date."""
        self._engine = engine
        self._grace: timedelta | None = policy.decision.retirement.grace
        self._carrying = carrying

    def plan(self, place: str, digest: str, *, forced: bool = False, now: datetime) -> RetirementPlan:
        """Return what would be done now, changing nothing. Errors as `Carrying.prepare`."""
        return self._carrying.prepare(ImageRef.of_place(place, digest=digest), forced=forced, now=now)

    def waiting(self, now: datetime) -> tuple[StoredRetirement, ...]:
        """Return what was agreed on and is to be carried on with now."""
        with reading(self._engine) as connection:
            return Retirements(connection).waiting(now)

    def carry_on(self, retirement: str, *, now: datetime) -> StoredRetirement:
        """Carry one out as far as it can be now; what waits for somebody, or has ended, stays as it is.

        Raises:
            GateError: why not; it is on record, and the next call tries again.
        """
        for _ in range(_ROUNDS):
            with reading(self._engine) as connection:
                stored = Retirements(connection).get(retirement)
            try:
                if self._step(stored, now) is None:
                    return stored
            except StoreError:
                raise  # the database itself: nothing can be recorded; the next call goes on
            except GateError as error:
                if error.error_code == "retirement_changed":
                    continue  # another gate recorded the same step
                self._failed(stored, error, now)
                raise
        message = f"`{retirement}` was changed by others each time that it was looked at"
        raise ConflictError(message, code="retirement_changed", hint="try again")

    def _step(self, stored: StoredRetirement, now: datetime) -> StoredRetirement | None:
        standing = stored.retirement
        match standing.state:
            case RetirementState.APPROVED:
                return self._intend(stored, now)  # 1
            case RetirementState.ACTING:
                if standing.action is RetirementAction.REINSTATE:
                    return self._reinstate(stored, now)
                return self._hide(stored, now)  # 2
            case RetirementState.HIDDEN:
                due = standing.due_at is not None and standing.due_at <= now
                return self._erase(stored, now) if due else None  # 3
            case (
                RetirementState.REQUESTED
                | RetirementState.DENIED
                | RetirementState.RETIRED
                | RetirementState.LIFTED
                | RetirementState.DONE
            ):
                return None
        assert_never(standing.state)

    def _intend(self, stored: StoredRetirement, now: datetime) -> StoredRetirement:
        standing, plan = stored.retirement, None
        self._refuse_unrecorded(standing)
        if standing.action is RetirementAction.RETIRE:
            plan = self.plan(standing.place, standing.digest, forced=standing.forced, now=now)
        with writing(self._engine) as connection:
            lock(connection)
            if plan is None:
                acting = changed(standing, RetirementState.ACTING)
                return put(connection, acting, stored.version, Event.RETIREMENT_INTENDED, now=now)
            kept = Blobs(connection).put(plan.canonical())
            # From here on the names are taken, so that no promotion beside this gives one to other bytes.
            Retirements(connection).take_tags(standing, plan.tags)
            acting = changed(standing, RetirementState.ACTING, plan=kept)
            return put(connection, acting, stored.version, Event.RETIREMENT_INTENDED, now=now, plan=kept)

    def _refuse_unrecorded(self, standing: Retirement) -> None:
        """Refuse to carry out what no second person's consent is on record for, whatever its row says."""
        wanted = LedgerFilter(evaluation=standing.id, event=Event.RETIREMENT_APPROVED, subject=standing.digest)
        with reading(self._engine) as connection:
            found = LedgerReader(connection).find(wanted)
        if str(standing.round) not in {entry.record.facts.get("round") for entry in found}:
            message = f"`{standing.id}` says that it was agreed on, and the ledger does not"
            hint = "run `gate audit verify`: somebody changed the database"
            raise StoreError(message, code="retirement_unrecorded", hint=hint)

    def _hide(self, stored: StoredRetirement, now: datetime) -> StoredRetirement:
        standing = stored.retirement
        receipt = self._carrying.hide(self._plan_of(standing), forced=standing.forced, now=now)
        with writing(self._engine) as connection:
            lock(connection)
            kept = Blobs(connection).put(receipt.canonical())
            Retirements(connection).take_tags(standing, receipt.tags)
            if not receipt.hidden:
                ended = changed(standing, RetirementState.RETIRED, receipt=kept)
                return put(connection, ended, stored.version, Event.RETIRED, now=now, receipt=kept)
            due = now if self._grace is None else now + self._grace
            hidden = changed(standing, RetirementState.HIDDEN, receipt=kept, due_at=due)
            return put(connection, hidden, stored.version, Event.RETIREMENT_HIDDEN, now=now, receipt=kept)

    def _erase(self, stored: StoredRetirement, now: datetime) -> StoredRetirement:
        standing = stored.retirement
        receipt = self._carrying.erase(self._plan_of(standing), forced=standing.forced, now=now)
        with writing(self._engine) as connection:
            lock(connection)
            kept = Blobs(connection).put(receipt.canonical())
            Retirements(connection).take_tags(standing, receipt.tags)
            ended = changed(standing, RetirementState.RETIRED, deletion=kept)
            return put(connection, ended, stored.version, Event.RETIRED, now=now, receipt=kept)

    def _reinstate(self, stored: StoredRetirement, now: datetime) -> StoredRetirement:
        """Delete what is still hidden, so that a release brings it anew, and let evaluations decide on it again."""
        standing = stored.retirement
        with reading(self._engine) as connection:
            retired = Retirements(connection).standing(standing.place, standing.digest)
        if retired is not None and retired.retirement.state is RetirementState.HIDDEN:
            retired = self._erase(retired, now)
        with writing(self._engine) as connection:
            lock(connection)
            if retired is not None and retired.retirement.state is RetirementState.RETIRED:
                lifted = changed(retired.retirement, RetirementState.LIFTED)
                put(connection, lifted, retired.version, Event.REINSTATED, now=now)
            done = changed(standing, RetirementState.DONE)
            return put(connection, done, stored.version, Event.REINSTATED, now=now)

    def _plan_of(self, retirement: Retirement) -> RetirementPlan:
        with reading(self._engine) as connection:
            return RetirementPlan.parse(Blobs(connection).get(str(retirement.plan)))

    def _failed(self, stored: StoredRetirement, error: GateError, now: datetime) -> None:
        """Put on record why a try failed, once, unless somebody else has moved it on meanwhile."""
        if stored.retirement.error_code == error.error_code:
            return
        failed = changed(stored.retirement, stored.retirement.state, error_code=error.error_code)
        with suppress(ConflictError), writing(self._engine) as connection:
            lock(connection)
            put(connection, failed, stored.version, Event.RETIREMENT_FAILED, now=now, code=error.error_code)
