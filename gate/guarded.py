"""The outside of an evaluation under watch: nothing that somebody uses is deleted, nothing retired is released anew.

Both looks are made when a plan is made and again right before it is carried out. A promotion is looked at once more
after it: a retirement that was agreed on meanwhile takes it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import ConflictError
from gate.model.decision import Decision, Outcome
from gate.promotion.gone import is_out_of_reach
from gate.promotion.lookout import Lookout, Watched
from gate.promotion.places import Places
from gate.promotion.plan_discard import DiscardPlan
from gate.promotion.plan_promotion import PromotionPlan
from gate.promotion.steps import Verb, about

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from gate.model.base import Value
    from gate.model.digest import Digest
    from gate.model.evidence import Evidence
    from gate.model.exception import Grant
    from gate.model.image import ImageRef, Transport
    from gate.policy.schema import Policy
    from gate.registry.interface import ImageWriter
    from gate.submission import Submission, World


class GuardedWorld:
    """Implements `gate.submission.World` around another one."""

    def __init__(
        self,
        world: World,
        *,
        stores: Mapping[Transport, ImageWriter],
        lookout: Lookout,
        refuse_retired: Callable[[ImageRef, Collection[Digest]], None],
    ) -> None:
        """Take the world and who watches; `refuse_retired` raises ConflictError for what was taken out of service."""
        self._world = world
        self._stores = stores
        self._lookout = lookout
        self._refuse_retired = refuse_retired

    def gather(
        self, submission: Submission, grants: Sequence[Grant], *, submitted_at: datetime, now: datetime
    ) -> Evidence:
        """Gather as the world does."""
        return self._world.gather(submission, grants, submitted_at=submitted_at, now=now)

    def renew(self, submission: Submission, evidence: Evidence, grants: Sequence[Grant], *, now: datetime) -> Evidence:
        """Renew as the world does."""
        return self._world.renew(submission, evidence, grants, now=now)

    def plan(self, submission: Submission, decision: Decision) -> Value:
        """Plan as the world does, and refuse what is used or retired."""
        if decision.outcome is Outcome.PROMOTE:
            # First: what is hidden there can't be read, and that would be told as a registry that fails.
            self._refuse_retired(_places(submission.policy).release_of(submission.ref), ())
        plan = self._world.plan(submission, decision)
        if isinstance(plan, DiscardPlan):
            self._refuse_used(submission, decision, plan)
        if isinstance(plan, PromotionPlan):
            self._refuse_retired(plan.target, _brought(plan))
        return plan

    def act(self, submission: Submission, decision: Decision, plan: bytes) -> Value:
        """Act as the world does, unless somebody uses it by now or has retired it; what was begun is finished."""
        if decision.outcome is not Outcome.PROMOTE:
            if not self.gone(submission):
                self._refuse_used(submission, decision, DiscardPlan.parse(plan), again=True)
            return self._world.act(submission, decision, plan)
        promotion = PromotionPlan.parse(plan)
        self._refuse_retired(promotion.target, _brought(promotion))
        receipt = self._world.act(submission, decision, plan)
        try:
            self._refuse_retired(promotion.target, _brought(promotion))
        except ConflictError:
            self._world.withdraw(submission, plan)
            raise
        return receipt

    def gone(self, submission: Submission) -> bool:
        """Ask the staging place whether anybody can pull the image."""
        return is_out_of_reach(self._stores[submission.ref.transport], submission.ref)

    def withdraw(self, submission: Submission, plan: bytes) -> Value | None:
        """Take back as the world does."""
        return self._world.withdraw(submission, plan)

    def tell(self, evaluation: str, decision: Decision) -> str:
        """Tell as the world does."""
        return self._world.tell(evaluation, decision)

    def _refuse_used(
        self, submission: Submission, decision: Decision, plan: DiscardPlan, *, again: bool = False
    ) -> None:
        policy = submission.policy
        watched = Watched(
            place=plan.place,
            digests=tuple(one.digest for one in about(plan.steps, Verb.DELETE_MANIFEST)),
            tags=plan.tags,
            store=self._stores[plan.place.transport],
            places=_places(policy),
            again=again,
        )
        # Grants begin and lapse by the instant of the decision: what was approved since begins later and counts.
        self._lookout.refuse(watched, kinds=policy.decision.discard.users, policy=policy, now=decision.decided_at)


def _places(policy: Policy) -> Places:
    return Places.of((place.staging, place.release) for place in policy.decision.promotion)


def _brought(plan: PromotionPlan) -> tuple[Digest, ...]:
    return tuple(one.digest for one in about(plan.steps, Verb.PUT_MANIFEST))
