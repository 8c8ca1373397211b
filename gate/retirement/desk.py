"""Asking for a retirement and agreeing to it, over the gate's own database: each change with its ledger record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.exceptions.identity import same
from gate.exceptions.plain import plain
from gate.exceptions.refusals import WrongStateError
from gate.ledger.record import Event
from gate.ledger.writer import lock
from gate.model.image import ImageRef
from gate.model.retirement import RetirementAction, RetirementState
from gate.retirement.recording import put
from gate.retirement.workflow import approve, deny, expect_digest, request
from gate.store.engine import reading, writing
from gate.store.retirements import Retirements, StoredRetirement

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Engine

    from gate.model.principal import Principal
    from gate.model.retirement import Retirement
    from gate.policy.schema import Policy
    from gate.retirement.carrying import Carrying
    from gate.retirement.workflow import Asked

_OUT = (RetirementState.HIDDEN, RetirementState.RETIRED)


class RetirementDesk:
    """Who asks, who agrees, and what stands. Holds no state of its own and changes no registry."""

    def __init__(self, *, engine: Engine, policy: Policy, carrying: Carrying) -> None:
        """Work on a database whose schema is up to date."""
        self._engine = engine
        self._rules = policy.decision.retirement
        self._carrying = carrying

    def request(self, asked: Asked, requester: Principal, *, now: datetime) -> StoredRetirement:
        """Put on record that somebody wants it. The same again, while it waits, changes nothing.

        Raises:
            GateError: as `workflow.request`; `not_release`; `not_retired`: there is nothing to reinstate.
        """
        if asked.action is RetirementAction.RETIRE:
            self._carrying.refuse_elsewhere(ImageRef.of_place(asked.place, digest=asked.digest))
        with writing(self._engine) as connection:
            lock(connection)
            retirements = Retirements(connection)
            if asked.action is RetirementAction.REINSTATE:
                _refuse_unretired(retirements.standing(asked.place, asked.digest), asked)
            standing = retirements.find(asked.id)
            if standing is not None and _said_already(standing.retirement, asked, requester):
                return standing
            before, version = (None, 0) if standing is None else (standing.retirement, standing.version)
            filed = request(asked, before, requester, self._rules, now=now)
            return put(connection, filed, version, Event.RETIREMENT_REQUESTED, now=now, actor=requester)

    def approve(
        self, retirement: str, digest: str, approver: Principal, *, comment: str = "", now: datetime
    ) -> StoredRetirement:
        """Agree to it as a second person, naming the digest that is meant; nothing is carried out yet.

        Raises:
            GateError: as `workflow.approve`; `wrong_digest`; NotFoundError.
        """
        with writing(self._engine) as connection:
            lock(connection)
            stored = Retirements(connection).get(retirement)
            expect_digest(stored.retirement, digest)
            agreed = approve(stored.retirement, approver, self._rules, comment=comment, now=now)
            return put(connection, agreed, stored.version, Event.RETIREMENT_APPROVED, now=now, actor=approver)

    def deny(
        self, retirement: str, digest: str, approver: Principal, *, reason: str, now: datetime
    ) -> StoredRetirement:
        """Refuse it, or take one's own back. Errors as `approve`."""
        with writing(self._engine) as connection:
            lock(connection)
            stored = Retirements(connection).get(retirement)
            expect_digest(stored.retirement, digest)
            denied = deny(stored.retirement, approver, self._rules, reason, now)
            return put(connection, denied, stored.version, Event.RETIREMENT_DENIED, now=now, actor=approver)

    def get(self, retirement: str) -> StoredRetirement:
        """Return one as it stands; NotFoundError if there is none of that id."""
        with reading(self._engine) as connection:
            return Retirements(connection).get(retirement)

    def of(self, digest: str) -> tuple[StoredRetirement, ...]:
        """Return all that stands of a digest."""
        with reading(self._engine) as connection:
            return Retirements(connection).of(digest)

    def listed(self, *, after: str = "") -> tuple[StoredRetirement, ...]:
        """Return one page of all, in the order of their ids."""
        with reading(self._engine) as connection:
            return Retirements(connection).listed(after=after)


def _said_already(standing: Retirement, asked: Asked, requester: Principal) -> bool:
    waits = standing.state is RetirementState.REQUESTED and same(standing.requester, requester)
    return waits and (standing.reason, standing.forced) == (plain(asked.reason), asked.forced)


def _refuse_unretired(standing: StoredRetirement | None, asked: Asked) -> None:
    if standing is None or standing.retirement.state not in _OUT:
        message = f"{asked.digest} is not out of service in `{asked.place}`"
        raise WrongStateError(message, code="not_retired", hint=f"look: `gate retire {asked.digest}`")
