"""What an evaluation asks of its world where bytes are kept: grace, holds, names that are refused, soft delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from evaluation.discard_world import APP, DIGESTS, NEIGHBOUR, policy
from evaluation.worlds import submission
from promotion.promotion_graves import BuryingMemory
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import STAGING
from registry.contract_images import image, push

from gate.bounds import ImageBounds
from gate.errors import ConflictError, NotFoundError, UpstreamError
from gate.evaluation import Submission
from gate.model.decision import Outcome
from gate.model.image import ImageRef, Transport
from gate.promotion.plan_discard import DiscardPlan
from gate.promotion.receipt import DiscardReceipt, TombstoneReceipt
from gate.registry.graves import Grave
from gate.registry.retention import SoftDelete
from gate.world import RealWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import timedelta

    from gate.exceptions.storage import PrivateStorage
    from gate.model.decision import Decision
    from gate.notify import Notifier
    from gate.registry.interface import ImageWriter


class Denied:
    """A decision that discards."""

    outcome = Outcome.DISCARD


DENIED = cast("Decision", Denied())


def nobody(_: Collection[str]) -> bool:
    return False


def world(store: ImageWriter, held: Callable[[Collection[str]], bool] = nobody) -> RealWorld:
    return RealWorld(
        stores={Transport.REGISTRY: store},
        index=lambda _: None,
        sources=lambda _: (),
        storage=cast("PrivateStorage", None),
        notifier=cast("Notifier", None),
        bounds=ImageBounds(),
        held=held,
        soft_delete=lambda _: SoftDelete(state="on", days=7),
    )


def given(place: ImageRef, grace: timedelta | None) -> Submission:
    return submission().model_copy(update={"ref": place, "policy": policy(grace)})


def pushed(store: ImageWriter) -> ImageRef:
    push(store, STAGING, NEIGHBOUR, "2.0")
    return push(store, STAGING, APP, "1.0")


def gone(store: MemoryStore) -> bool:
    return not set(DIGESTS) & store.repositories[STAGING.place].manifests.keys()


def test_without_a_grace_it_is_deleted_at_once_and_what_can_be_recovered_is_said() -> None:
    store = BuryingMemory()
    asked = given(pushed(store), None)
    around = world(store)
    plan = around.plan(asked, DENIED)
    assert isinstance(plan, DiscardPlan)
    assert not plan.tombstone
    receipt = around.act(asked, DENIED, plan.canonical())
    assert isinstance(receipt, DiscardReceipt)
    assert receipt.soft_delete == SoftDelete(state="on", days=7)
    assert gone(store)


def test_with_a_grace_it_is_hidden_where_that_can_be_and_deleted_at_once_elsewhere() -> None:
    for store, kind in ((BuryingMemory(), TombstoneReceipt), (MemoryStore(), DiscardReceipt)):
        asked = given(pushed(store), policy().decision.discard.grace)
        plan = world(store).plan(asked, DENIED)
        assert isinstance(world(store).act(asked, DENIED, plan.canonical()), kind)
        assert gone(store) is (kind is DiscardReceipt)


def test_a_hold_hides_without_a_grace_and_refuses_where_nothing_can_be_hidden() -> None:
    store = BuryingMemory()
    asked = given(pushed(store), None)
    plan = world(store, lambda _: True).plan(asked, DENIED)
    assert isinstance(plan, DiscardPlan)
    assert plan.tombstone
    plain = MemoryStore()
    with pytest.raises(ConflictError) as refused:
        world(plain, lambda _: True).plan(given(pushed(plain), None), DENIED)
    assert refused.value.error_code == "digest_held"


def test_a_hold_that_comes_between_plan_and_act_keeps_it_all() -> None:
    store = BuryingMemory()
    asked = given(pushed(store), None)
    plan = world(store).plan(asked, DENIED)
    receipt = world(store, lambda digests: APP.children[0].digest in digests).act(asked, DENIED, plan.canonical())
    assert isinstance(receipt, TombstoneReceipt)
    assert all(store.grave(STAGING.at(digest)) is Grave.BURIED for digest in DIGESTS)
    plain = MemoryStore()
    asked = given(pushed(plain), None)
    plan = world(plain).plan(asked, DENIED)
    before = plain.snapshot()
    with pytest.raises(ConflictError) as refused:
        world(plain, lambda _: True).act(asked, DENIED, plan.canonical())
    assert refused.value.error_code == "digest_held"
    assert plain.repositories == before


def test_a_name_that_leads_to_what_lies_buried_is_resolved_for_whoever_refuses_it() -> None:
    store = BuryingMemory()
    place = pushed(store)
    store.bury(place)
    around, known = world(store), policy()
    by_tag = STAGING.model_copy(update={"tag": "1.0"})
    assert around.waiting(by_tag, known).digest == APP.digest
    assert around.waiting(place, known).digest == APP.digest
    assert around.gone(given(place, None))
    with pytest.raises(NotFoundError):
        around.waiting(STAGING.model_copy(update={"tag": "none"}), known)


def test_a_name_that_is_refused_for_something_else_stays_refused() -> None:
    class Forbidden(BuryingMemory):
        def resolve(self, ref: ImageRef) -> str:
            raise UpstreamError(str(ref))

    class Plain(MemoryStore):
        def resolve(self, ref: ImageRef) -> str:
            raise UpstreamError(str(ref))

    for store in (Forbidden(), Plain()):
        place = pushed(store)
        with pytest.raises(UpstreamError):
            world(store).waiting(place, policy())
    with pytest.raises(UpstreamError):
        world(Forbidden()).waiting(STAGING.model_copy(update={"tag": "none"}), policy())


def test_what_lies_buried_is_planned_as_a_tombstone_whatever_policy_says_by_now() -> None:
    """Another run was under way with other words for the same image, and denies it too."""
    store = BuryingMemory()
    place = pushed(store)
    for digest in DIGESTS:
        store.bury(STAGING.at(digest))
    plan = world(store).plan(given(place, None), DENIED)
    assert isinstance(plan, DiscardPlan)
    assert plan.tombstone
    assert [left.code for left in plan.omitted] == ["content_unread"]
    receipt = world(store).act(given(place, None), DENIED, plan.canonical())
    assert isinstance(receipt, TombstoneReceipt)
    assert not gone(store)


def test_a_neighbour_is_discarded_while_something_tagged_lies_buried_beside_it() -> None:
    """In Azure a tag on what is hidden can be listed and not read: that must stop nobody else's discard."""
    store = BuryingMemory()
    place = pushed(store)
    store.bury(place)
    other = push(store, STAGING, image("other"), "3.0")
    plan = world(store).plan(given(other, None), DENIED)
    assert isinstance(world(store).act(given(other, None), DENIED, plan.canonical()), DiscardReceipt)
    assert set(store.repositories[STAGING.place].tags) == {"1.0", "2.0"}
