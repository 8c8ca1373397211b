"""A world under watch: looks are made when it is planned and right before it is done, and a promotion is undone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from promotion.promotion_graves import BuryingMemory
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import HOST, PLACES, RELEASE, STAGING, condemned
from promotion.test_promotion_statement import decision
from registry.contract_images import image, push

from gate.errors import ConflictError, GateError, UpstreamError
from gate.guarded import GuardedWorld
from gate.model.base import Value
from gate.model.decision import Decision, Outcome
from gate.model.digest import Digest
from gate.model.image import ImageRef, Transport
from gate.model.reference import Declared
from gate.policy.schema import DiscardPolicy, Promotion
from gate.policy.source import load_policy
from gate.policy.users import EVERY_USER, UserKind
from gate.promotion.discard import discard
from gate.promotion.lookout import Lookout
from gate.promotion.mentions import Named
from gate.promotion.plan_discard import DiscardPlan
from gate.promotion.plan_promotion import PromotionPlan
from gate.promotion.prepare import prepare_promotion
from gate.promotion.promote import promote
from gate.promotion.tombstone import bury
from gate.promotion.users import ImageUser, Unasked, Users
from gate.promotion.withdraw import withdraw
from gate.submission import Submission

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
APP = image("app")
STAGED = STAGING.model_copy(update={"tag": "1", "digest": APP.digest})


def submission(users: Sequence[UserKind] = EVERY_USER) -> Submission:
    known = load_policy(None)
    told = {
        "promotion": (Promotion(staging=f"{HOST}/staging", release=f"{HOST}/release"),),
        "discard": DiscardPolicy(users=tuple(users)),
    }
    policy = known.model_copy(update={"decision": known.decision.model_copy(update=told)})
    return Submission(ref=STAGED, environment=Declared(), policy=policy)


@dataclass
class Inner:
    """The plain world, over a registry in memory."""

    store: MemoryStore
    acted: list[str] = field(default_factory=list)

    def gather(self, *arguments: Any, **more: Any) -> Any:
        return (arguments, more)

    def renew(self, *arguments: Any, **more: Any) -> Any:
        return (arguments, more)

    def plan(self, submitted: Submission, decided: Decision) -> Value:
        if decided.outcome is Outcome.PROMOTE:
            return prepare_promotion(submitted.ref, PLACES, source_store=self.store, target_store=self.store)
        return condemned(self.store, submitted.ref)

    def act(self, submitted: Submission, decided: Decision, plan: bytes) -> Value:
        del submitted
        self.acted.append(decided.outcome.value)
        if decided.outcome is Outcome.PROMOTE:
            return promote(PromotionPlan.parse(plan), self.store, self.store)
        return discard(DiscardPlan.parse(plan), self.store, places=PLACES)

    def gone(self, submitted: Submission) -> bool:
        del submitted
        return False

    def withdraw(self, submitted: Submission, plan: bytes) -> Value | None:
        del submitted
        return withdraw(PromotionPlan.parse(plan), self.store)

    def tell(self, evaluation: str, decided: Decision) -> str:
        del decided
        return evaluation


@dataclass
class World:
    """A guarded world whose users and retirements a test says."""

    store: MemoryStore
    found: Users = field(default_factory=Users)
    retired: bool = False
    asked: list[Named] = field(default_factory=list)
    guards: int = 0
    retired_from: int = 10**9

    def __post_init__(self) -> None:
        self.inner = Inner(self.store)
        stores: dict[Transport, Any] = {Transport.REGISTRY: self.store}
        lookout = Lookout(sources=(self,), grants=lambda policy: policy.grants)
        self.guarded = GuardedWorld(self.inner, stores=stores, lookout=lookout, refuse_retired=self._refuse)

    def users(self, named: Named, kinds: Collection[UserKind]) -> Users:
        del kinds
        self.asked.append(named)
        return self.found

    def _refuse(self, target: ImageRef, digests: Collection[Digest]) -> None:
        del digests
        assert target.repository == RELEASE.repository
        self.guards += 1
        if self.guards >= self.retired_from:
            message = "it is out of service"
            raise ConflictError(message, code="digest_retired")

    def use(self) -> None:
        self.found = Users(users=(ImageUser(kind=UserKind.DEPLOYMENT, name="scoring/blue", how="tag"),))


@pytest.fixture
def world() -> World:
    store = MemoryStore()
    push(store, STAGING, APP, "1")
    return World(store)


def code_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(GateError) as caught:
        call(*arguments)
    return caught.value.error_code


DENIED, PASSED = decision(Outcome.DISCARD), decision(Outcome.PROMOTE)


def test_what_nobody_uses_is_discarded_after_two_looks(world: World) -> None:
    plan = world.guarded.plan(submission(), DENIED)
    world.guarded.act(submission(), DENIED, plan.canonical())
    assert world.store.tags(STAGING) == ()
    assert [named.tags for named in world.asked] == [("1",), ("1",)]


def test_what_somebody_uses_is_not_even_planned_to_be_deleted(world: World) -> None:
    world.use()
    assert code_of(world.guarded.plan, submission(), DENIED) == "digest_in_use"
    assert world.store.tags(STAGING) == ("1",)


def test_who_begins_to_use_it_after_the_plan_keeps_it(world: World) -> None:
    plan = world.guarded.plan(submission(), DENIED)
    world.use()
    assert code_of(world.guarded.act, submission(), DENIED, plan.canonical()) == "digest_in_use"
    assert world.inner.acted == []
    assert world.store.tags(STAGING) == ("1",)


def test_a_tag_that_is_put_on_it_after_the_plan_is_asked_about(world: World) -> None:
    plan = world.guarded.plan(submission(), DENIED)
    push(world.store, STAGING, APP, "late")
    push(world.store, STAGING, image("other"), "other")
    world.guarded.act(submission(), DENIED, plan.canonical())
    assert world.asked[-1].tags == ("1", "late")


def test_a_source_that_can_not_be_asked_is_not_nobody(world: World) -> None:
    lacking = Unasked(source="workspace ws", kinds=(UserKind.MODEL,), code="upstream_failed", message="it is down")
    world.found = Users(unasked=(lacking,))
    assert code_of(world.guarded.plan, submission(), DENIED) == "users_unasked"
    assert world.store.tags(STAGING) == ("1",)


def test_a_released_copy_is_a_user_unless_policy_says_otherwise(world: World) -> None:
    push(world.store, RELEASE, APP, "1")
    with pytest.raises(ConflictError, match=r"release registry\.example\.org/release/app"):
        world.guarded.plan(submission(), DENIED)
    others = [kind for kind in EVERY_USER if kind is not UserKind.RELEASE]
    assert isinstance(world.guarded.plan(submission(others), DENIED), DiscardPlan)


def test_where_policy_counts_nobody_nobody_is_asked(world: World) -> None:
    world.use()
    push(world.store, RELEASE, APP, "1")
    assert isinstance(world.guarded.plan(submission(()), DENIED), DiscardPlan)
    assert world.asked == []


def test_a_release_place_that_can_not_be_asked_is_not_one_without_it() -> None:
    class Half(MemoryStore):
        def manifest(self, ref: ImageRef) -> Any:
            if ref.repository == RELEASE.repository:
                message = "it is down"
                raise UpstreamError(message)
            return super().manifest(ref)

    half = World(Half())
    push(half.store, STAGING, APP, "1")
    assert code_of(half.guarded.plan, submission(), DENIED) == "users_unasked"


def test_a_discard_that_was_begun_is_finished_whoever_appears(world: World) -> None:
    plan = world.guarded.plan(submission(), DENIED)
    world.store.delete_manifest(STAGED)
    world.use()
    world.guarded.act(submission(), DENIED, plan.canonical())
    assert world.inner.acted == ["discard"]
    buried = World(BuryingMemory())
    push(buried.store, STAGING, APP, "1")
    plan = buried.guarded.plan(submission(), DENIED)
    assert isinstance(plan, DiscardPlan)
    bury(plan, buried.store, places=PLACES)
    buried.use()
    assert buried.guarded.gone(submission())


@pytest.mark.parametrize("guard", [1, 2])
def test_what_is_retired_is_not_planned_to_be_released(world: World, guard: int) -> None:
    world.retired_from = guard
    assert code_of(world.guarded.plan, submission(), PASSED) == "digest_retired"


def test_what_is_retired_after_the_plan_is_not_released(world: World) -> None:
    plan = world.guarded.plan(submission(), PASSED)
    world.retired_from = 3
    assert code_of(world.guarded.act, submission(), PASSED, plan.canonical()) == "digest_retired"
    assert world.inner.acted == []
    assert RELEASE.place not in world.store.repositories


def test_what_is_retired_while_it_is_released_is_taken_back(world: World) -> None:
    plan = world.guarded.plan(submission(), PASSED)
    world.retired_from = 4
    assert code_of(world.guarded.act, submission(), PASSED, plan.canonical()) == "digest_retired"
    assert world.inner.acted == ["promote"]
    assert world.store.tags(RELEASE) == ()
    assert world.store.tags(STAGING) == ("1",)


def test_what_is_neither_is_released(world: World) -> None:
    plan = world.guarded.plan(submission(), PASSED)
    world.guarded.act(submission(), PASSED, plan.canonical())
    assert world.store.tags(RELEASE) == ("1",)
    assert world.asked == [], "a promotion deletes nothing"


def test_everything_else_is_the_worlds_own(world: World) -> None:
    told: Any = world.guarded
    assert told.gather(1, 2, submitted_at=3, now=4) == ((1, 2), {"submitted_at": 3, "now": 4})
    assert told.renew(1, 2, 3, now=4) == ((1, 2, 3), {"now": 4})
    assert world.guarded.tell("EVL-1", DENIED) == "EVL-1"
    plan = world.guarded.plan(submission(), PASSED)
    assert world.guarded.withdraw(submission(), plan.canonical()) is None
