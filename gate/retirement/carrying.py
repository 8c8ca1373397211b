"""What a retirement asks of the outside: looks at a release place and at who uses it, and changes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import ConflictError
from gate.policy.users import UserKind
from gate.promotion.lookout import Lookout, Watched
from gate.promotion.places import Places
from gate.promotion.steps import Refused
from gate.retirement.act import erase_hidden, hide
from gate.retirement.plan import pinned_release, prepare_retirement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from gate.bounds import ImageBounds
    from gate.model.digest import Digest
    from gate.model.image import ImageRef, Transport
    from gate.policy.schema import Policy
    from gate.registry.interface import ImageWriter
    from gate.retirement.act import RetirementReceipt
    from gate.retirement.plan import RetirementPlan


class Carrying:
    """The stores, who looks for users, and the policy in force."""

    def __init__(
        self,
        *,
        stores: Mapping[Transport, ImageWriter],
        lookout: Lookout,
        policy: Policy,
        bounds: ImageBounds,
        held: Callable[[Collection[Digest]], bool],
    ) -> None:
        """Take the collaborators; `held` says whether somebody keeps one of some digests from being deleted."""
        self._stores = stores
        self._lookout = lookout
        self._policy = policy
        self._bounds = bounds
        self._held = held
        self._places = Places.of((place.staging, place.release) for place in policy.decision.promotion)

    def refuse_elsewhere(self, ref: ImageRef) -> None:
        """Refuse what lies in no release place.

        Raises:
            ConflictError: `not_release`, `digest_missing`.
        """
        pinned = pinned_release(ref, self._places)
        if isinstance(pinned, Refused):
            raise pinned.error()

    def prepare(self, ref: ImageRef, *, forced: bool, now: datetime) -> RetirementPlan:
        """Plan, changing nothing, and refuse what is used; what is forced names its users instead.

        Raises:
            GateError: as `prepare_retirement` and `Lookout.refuse`.
        """
        self.refuse_elsewhere(ref)
        plan = prepare_retirement(ref, self._places, store=self._stores[ref.transport], bounds=self._bounds)
        watched = self._watched(plan)
        if not self._may_force(forced):
            self._lookout.refuse(watched, kinds=self._kinds, policy=self._policy, now=now)
            return plan
        found = self._lookout.look(watched, kinds=self._kinds, policy=self._policy, now=now)
        return plan.model_copy(update={"found": found})

    def hide(self, plan: RetirementPlan, *, forced: bool, now: datetime) -> RetirementReceipt:
        """Look again who uses it, then take it out of service; errors as `prepare` and `act.hide`."""
        self._look_again(plan, forced=forced, now=now)
        if not plan.hidden and self._held(plan.digests):
            message = f"{plan.digest} is held, and `{plan.place.place}` can't keep it from being pulled"
            hint = "whoever may, releases the hold: `gate discard list`, `gate discard release`"
            raise ConflictError(message, hint=hint, code="digest_held", digest=plan.digest)
        unlock = self._policy.decision.retirement.unlock
        return hide(plan, self._store(plan), places=self._places, bounds=self._bounds, unlock=unlock)

    def erase(self, plan: RetirementPlan, *, forced: bool, now: datetime) -> RetirementReceipt:
        """Look again who uses it, then delete what is hidden; errors as `prepare` and `act.erase_hidden`."""
        self._look_again(plan, forced=forced, now=now)
        return erase_hidden(
            plan,
            self._store(plan),
            places=self._places,
            held=lambda: self._held(plan.digests),
            bounds=self._bounds,
        )

    def _look_again(self, plan: RetirementPlan, *, forced: bool, now: datetime) -> None:
        if not self._may_force(forced):
            watched = self._watched(plan, again=True)
            self._lookout.refuse(watched, kinds=self._kinds, policy=self._policy, now=now)

    def _may_force(self, forced: bool) -> bool:  # noqa: FBT001 - it has no other parameter
        """Say whether users are passed over: two people said so, and policy still lets them."""
        return forced and self._policy.decision.retirement.force

    @property
    def _kinds(self) -> tuple[UserKind, ...]:
        return tuple(kind for kind in self._policy.decision.retirement.users if kind is not UserKind.RELEASE)

    def _watched(self, plan: RetirementPlan, *, again: bool = False) -> Watched:
        return Watched(place=plan.place, digests=plan.digests, tags=plan.tags, store=self._store(plan), again=again)

    def _store(self, plan: RetirementPlan) -> ImageWriter:
        return self._stores[plan.place.transport]
