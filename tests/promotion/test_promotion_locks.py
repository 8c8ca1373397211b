"""What is released is locked, manifest and tag, after it was read back; a lock counts when it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acr_world.client import acr_client, acr_place
from promotion.promotion_memory import FREE, Fault, FaultyStore, KeepingStore, MemoryStore
from promotion.promotion_world import PLACES, RELEASE, STAGING, condemned, planned
from registry.contract_images import docker_list, image, index, push

from gate.errors import ConflictError, GateError, UpstreamError
from gate.model.image import ImageRef
from gate.promotion.discard import discard
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_discard, prepare_promotion
from gate.promotion.promote import promote
from gate.promotion.steps import Verb
from gate.promotion.withdraw import withdraw
from gate.registry.content import DOCKER_MANIFEST

if TYPE_CHECKING:
    from acr_world.facade import AcrFacade

APP = index(image("amd64"), image("arm64"))
LOCKED = FREE.model_copy(update={"write": False, "delete": False})


def names_locked(store: KeepingStore) -> set[str]:
    return {name for (place, name), locks in store.kept.items() if place == RELEASE.place and locks.fixed}


def test_every_manifest_and_the_tag_are_locked_and_read_back() -> None:
    store = KeepingStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    receipt = promote(plan, store, store)
    assert plan.locks
    assert receipt.locked
    assert names_locked(store) == {APP.digest, "1", *(child.digest for child in APP.children)}
    assert [read.what for read in receipt.read_back][-4:] == ["manifest_lock"] * 3 + ["tag_lock"]
    assert {place for place, _ in store.kept} == {RELEASE.place}
    again = promote(plan, store, store)
    assert (again.already_there, again.locked) == (True, True)


def test_a_registry_without_locks_is_said_to_have_none() -> None:
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    receipt = promote(plan, store, store)
    assert (plan.locks, receipt.locked) == (False, False)
    assert not {Verb.LOCK_MANIFEST, Verb.LOCK_TAG} & {step.verb for step in plan.steps}


def test_a_second_tag_on_what_is_locked_is_released_too() -> None:
    store = KeepingStore()
    promote(planned(store, push(store, STAGING, APP, "1")), store, store)
    receipt = promote(planned(store, push(store, STAGING, APP, "2")), store, store)
    assert receipt.locked
    assert store.repositories[RELEASE.place].tags == {"1": APP.digest, "2": APP.digest}


def test_a_promotion_that_was_killed_before_its_locks_is_locked_by_the_next() -> None:
    store = KeepingStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    trace = FaultyStore(store)
    promote(plan, trace, trace)
    first_lock = trace.trace.index("set_locks")
    store = KeepingStore()
    push(store, STAGING, APP, "1")
    faulty = FaultyStore(store, {first_lock: Fault(error=UpstreamError("cut"))})
    with pytest.raises(UpstreamError):
        promote(plan, faulty, faulty)
    assert names_locked(store) == set()
    assert promote(plan, store, store).locked
    assert "1" in names_locked(store)


def test_a_lock_that_is_not_kept_is_no_success() -> None:
    store = KeepingStore(forgetful=True)
    plan = planned(store, push(store, STAGING, APP, "1"))
    with pytest.raises(UpstreamError) as failed:
        promote(plan, store, store)
    assert failed.value.error_code == "lock_unproved"


def test_a_registry_that_is_not_known_to_lock_any_more_is_not_taken_for_locked() -> None:
    store = KeepingStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    plain = MemoryStore(store.repositories)
    with pytest.raises(UpstreamError) as failed:
        promote(plan, plain, plain)
    assert failed.value.error_code == "lock_unproved"


def test_a_thief_at_any_call_gets_no_success_out_of_the_promotion() -> None:
    """With locks the write-once tag has no gap: whoever moves it before the lock is seen, and after it can't."""
    thief = image("thief")

    def steal(store: KeepingStore) -> None:
        # The theft of one who may push, and may not change locks.
        try:
            push(store, RELEASE, thief, "1")
        except UpstreamError:
            return

    source = KeepingStore()
    plan = planned(source, push(source, STAGING, APP, "1"))
    trace = FaultyStore(source)
    promote(plan, trace, trace)
    stolen = kept = 0
    for at in range(len(trace.trace)):
        store = KeepingStore()
        push(store, STAGING, APP, "1")
        faulty = FaultyStore(store, {at: Fault(act=lambda: steal(store))})  # noqa: B023 - run at once
        try:
            promote(plan, faulty, faulty)
        except GateError:
            stolen += 1
            assert store.repositories[RELEASE.place].tags["1"] == thief.digest
            assert "1" not in names_locked(store)
        else:
            kept += 1
            assert store.repositories[RELEASE.place].tags["1"] == APP.digest
            assert "1" in names_locked(store)
    assert stolen
    assert kept


def test_a_tag_that_was_moved_before_its_lock_is_named_and_left_unlocked() -> None:
    store = KeepingStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    trace = FaultyStore(store)
    promote(plan, trace, trace)
    at = max(number for number, name in enumerate(trace.trace) if name == "set_locks")
    store = KeepingStore()
    push(store, STAGING, APP, "1")
    faulty = FaultyStore(store, {at: Fault(act=lambda: push(store, RELEASE, image("thief"), "1"))})
    with pytest.raises(ConflictError) as refused:
        promote(plan, faulty, faulty)
    assert refused.value.error_code == "tag_taken"
    assert refused.value.facts["holds"] == image("thief").digest
    assert "1" not in names_locked(store)


def test_what_a_denied_promotion_locked_itself_is_withdrawn() -> None:
    store = KeepingStore()
    plan = planned(store, push(store, STAGING, APP, "1"))
    promote(plan, store, store)
    assert withdraw(plan, store) is not None
    assert not store.repositories[RELEASE.place].tags
    assert not store.repositories[RELEASE.place].manifests


def test_what_others_locked_is_not_withdrawn() -> None:
    store = KeepingStore()
    plan = planned(store, push(store, STAGING, APP, "1")).model_copy(update={"locks": False})
    promote(plan, store, store)
    store.set_locks(RELEASE.at(APP.digest), write=False, delete=False)
    with pytest.raises(ConflictError) as refused:
        withdraw(plan, store)
    assert refused.value.error_code == "manifest_locked"
    assert store.repositories[RELEASE.place].tags == {"1": APP.digest}


def release_in(place: ImageRef) -> tuple[ImageRef, Places]:
    base = place.repository.removesuffix("/app")
    staging = place.model_copy(update={"repository": f"{base}/staging/app"})
    return staging, Places.of([(f"{base}/staging", f"{base}/release")])


@pytest.mark.parametrize(
    "app",
    [APP, image("docker", media_type=DOCKER_MANIFEST), docker_list(image("d1", media_type=DOCKER_MANIFEST))],
    ids=["oci-index", "docker", "docker-list"],
)
def test_in_azure_the_real_library_locks_manifest_and_tag_and_nobody_moves_them(acr: AcrFacade, app: object) -> None:
    assert isinstance(app, type(APP))
    store = acr_client(acr)
    staging, places = release_in(acr_place(acr))
    source = push(store, staging, app, "1")
    plan = prepare_promotion(source, places, source_store=store, target_store=store)
    receipt = promote(plan, store, store)
    assert receipt.locked
    target = places.release_of(source)
    assert store.locks(target) == LOCKED
    assert store.locks(target.model_copy(update={"digest": None})) == LOCKED
    assert store.manifest(target) == app.manifest
    with pytest.raises(GateError):
        push(store, target.model_copy(update={"tag": "", "digest": None}), image("thief"), "1")
    with pytest.raises(GateError):
        store.delete_manifest(target)
    assert store.resolve(target.model_copy(update={"digest": None})) == app.digest
    assert store.locks(source) == FREE
    assert promote(plan, store, store).already_there


def test_in_azure_a_second_tag_is_put_on_what_is_locked(acr: AcrFacade) -> None:
    store = acr_client(acr)
    staging, places = release_in(acr_place(acr))
    for tag in ("1", "2"):
        source = push(store, staging, APP, tag)
        receipt = promote(prepare_promotion(source, places, source_store=store, target_store=store), store, store)
        assert receipt.locked
    assert store.tags(places.release_of(source)) == ("1", "2")


def test_in_azure_who_may_not_lock_has_not_promoted(acr: AcrFacade) -> None:
    staging, places = release_in(acr_place(acr))
    source = push(acr_client(acr), staging, image("unlockable"), "1")
    acr.state.actions -= {"metadata_write"}
    try:
        store = acr_client(acr)
        plan = prepare_promotion(source, places, source_store=store, target_store=store)
        with pytest.raises(GateError):
            promote(plan, store, store)
    finally:
        acr.state.actions |= {"metadata_write"}
    store = acr_client(acr)
    assert store.locks(places.release_of(source)) == FREE
    assert promote(plan, store, store).locked


@pytest.mark.parametrize("what", ["manifest", "tag", "child"])
@pytest.mark.parametrize("lock", [{"write": False, "delete": True}, {"write": True, "delete": False}])
def test_what_is_locked_is_discarded_only_where_policy_says_so(what: str, lock: dict[str, bool]) -> None:
    store = KeepingStore()
    place = push(store, STAGING, APP, "1", "latest")
    digests = {"manifest": APP.digest, "child": APP.children[0].digest, "tag": None}
    store.set_locks(place.model_copy(update={"digest": digests[what], "tag": "latest"}), **lock)
    plan = condemned(store, place)
    before = store.snapshot()
    with pytest.raises(ConflictError) as refused:
        discard(plan, store, places=PLACES)
    assert refused.value.error_code == "manifest_locked"
    assert store.repositories == before
    receipt = discard(plan, store, places=PLACES, unlock=True)
    assert set(receipt.deleted) == {APP.digest, *(child.digest for child in APP.children)}
    assert store.repositories[STAGING.place].manifests == {}


def test_a_lock_that_does_not_open_is_no_discard() -> None:
    store = KeepingStore()
    place = push(store, STAGING, APP, "1")
    store.set_locks(place, write=False, delete=False)
    store.forgetful = True
    before = store.snapshot()
    with pytest.raises(UpstreamError) as failed:
        discard(condemned(store, place), store, places=PLACES, unlock=True)
    assert failed.value.error_code == "unlock_unproved"
    assert store.repositories == before


def test_in_azure_locks_on_both_levels_keep_what_is_denied_until_policy_lifts_them(acr: AcrFacade) -> None:
    store = acr_client(acr)
    staging, places = release_in(acr_place(acr))
    place = push(store, staging, APP, "1")
    store.set_locks(place.model_copy(update={"digest": None}), write=False, delete=False)
    plan = prepare_discard(place, places, store=store)
    with pytest.raises(ConflictError) as refused:
        discard(plan, store, places=places)
    assert refused.value.error_code == "manifest_locked"
    assert store.manifest(place) == APP.manifest
    discard(plan, store, places=places, unlock=True)
    assert store.tags(staging) == ()
    with pytest.raises(GateError):
        store.manifest(place)
