"""What a denied promotion brought is taken back, and nothing that was released before or by others."""

from __future__ import annotations

import contextlib

import pytest
from promotion.promotion_memory import Fault, FaultyStore, LockedStore, MemoryStore, StuckStore
from promotion.promotion_world import RELEASE, STAGING, planned
from registry.contract_images import image, index, push

from gate.errors import ConflictError, UpstreamError
from gate.promotion.promote import promote
from gate.promotion.withdraw import withdraw

APP = index(image("amd64"), image("arm64"))


def test_nothing_that_was_brought_is_nothing_to_take_back() -> None:
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    before = store.snapshot()
    assert withdraw(plan, store) is None
    assert store.repositories == before


@pytest.mark.parametrize("half", range(5, 40, 3))
def test_half_and_whole_promotions_are_taken_back_and_staging_is_untouched(half: int) -> None:
    store = MemoryStore()
    push(store, RELEASE, image("older"), "0.9")
    plan = planned(store, push(store, STAGING, APP, "1"))
    staging = store.snapshot()[STAGING.place]
    faulty = FaultyStore(store, {half: Fault(error=UpstreamError("cut"), lost=True)})
    with contextlib.suppress(UpstreamError):
        promote(plan, faulty, faulty)
    receipt = withdraw(plan, store)
    release = store.repositories[RELEASE.place]
    assert set(release.manifests) == {image("older").digest}
    assert release.tags == {"0.9": image("older").digest}
    assert store.repositories[STAGING.place] == staging
    assert receipt is None or {read.answer for read in receipt.read_back if read.what == "manifest"} == {"not_found"}
    assert withdraw(plan, store) is None


def test_what_was_released_before_the_plan_is_not_taken_back() -> None:
    store = MemoryStore()
    source = push(store, STAGING, APP, "2")
    push(store, RELEASE, APP, "1")
    plan = planned(store, source)
    promote(plan, store, store)
    before = store.snapshot()
    assert plan.absent == ()
    assert withdraw(plan, store) is None
    assert store.repositories == before


def test_a_child_that_was_released_before_stays() -> None:
    store = MemoryStore()
    source = push(store, STAGING, APP, "2")
    push(store, RELEASE, image("amd64"), "amd64")
    plan = planned(store, source)
    promote(plan, store, store)
    receipt = withdraw(plan, store)
    assert receipt is not None
    assert image("amd64").digest not in receipt.deleted
    assert set(store.repositories[RELEASE.place].manifests) == {image("amd64").digest}


@pytest.mark.parametrize("how", ["tag", "index"])
def test_what_somebody_uses_by_now_is_not_taken_back(how: str) -> None:
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    promote(plan, store, store)
    push(store, RELEASE, APP if how == "tag" else index(image("amd64"), image("other")), "stable")
    before = store.snapshot()
    with pytest.raises(ConflictError) as refused:
        withdraw(plan, store)
    assert refused.value.error_code == "release_in_use"
    assert store.repositories == before


@pytest.mark.parametrize(("kind", "code"), [(StuckStore, "discard_unproved"), (LockedStore, "delete_disabled")])
def test_what_stays_is_not_said_to_be_gone(kind: type[MemoryStore], code: str) -> None:
    store = kind()
    plan = planned(store, push(store, STAGING, APP, "1"))
    promote(plan, store, store)
    with pytest.raises(UpstreamError) as failed:
        withdraw(plan, store)
    assert failed.value.error_code == code
