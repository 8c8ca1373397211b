"""What a plan takes along and what it leaves; and the whole way in an Azure registry, by Microsoft's own library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from acr_world.client import acr_client, acr_place
from promotion.promotion_memory import Fault, FaultyStore, MemoryStore
from promotion.promotion_world import PLACES, RELEASE
from promotion.test_promotion_attached import about, put
from registry.contract_images import image, index, push
from retirement.retirement_world import APP, GRACE, NOW, OTHER, House, burying, plain, rules

from gate.errors import GateError, NotFoundError, UpstreamError
from gate.model.image import Transport
from gate.model.retirement import RetirementState
from gate.policy.schema import Promotion
from gate.promotion.attached import Attachments
from gate.promotion.state import StagingState
from gate.promotion.steps import Refused
from gate.promotion.tree import read_tree
from gate.retirement.plan import plan_retirement, prepare_retirement

if TYPE_CHECKING:
    from acr_world.facade import AcrFacade


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(GateError) as caught:
        call()
    return caught.value.error_code


def test_what_is_attached_to_it_goes_with_it_unless_that_has_a_name() -> None:
    store = plain()
    signature = about(APP, "signature")
    put(store, RELEASE, APP, signature)
    assert signature.digest in prepare_retirement(RELEASE.at(APP.digest), PLACES, store=store).digests
    push(store, RELEASE, signature, "signed")
    assert code_of(lambda: prepare_retirement(RELEASE.at(APP.digest), PLACES, store=store)) == "digest_in_use"


def test_a_named_child_that_is_about_another_keeps_the_index() -> None:
    store = MemoryStore()
    signed = about(APP, "signed")
    both = index(APP, signed)
    push(store, RELEASE, both, "1")
    assert set(prepare_retirement(RELEASE.at(both.digest), PLACES, store=store).digests) == {
        both.digest,
        APP.digest,
        signed.digest,
    }
    push(store, RELEASE, signed, "named")
    assert code_of(lambda: prepare_retirement(RELEASE.at(both.digest), PLACES, store=store)) == "digest_in_use"


def test_a_damaged_release_is_retired_by_its_digest() -> None:
    store = plain()
    held = store.repositories[RELEASE.place].manifests[APP.digest]
    store.repositories[RELEASE.place].manifests[APP.digest] = held.model_copy(update={"raw": b"{}"})
    plan = prepare_retirement(RELEASE.at(APP.digest), PLACES, store=store)
    assert plan.digests == (APP.digest,)
    assert "content_unread" in {left.code for left in plan.omitted}


def test_what_lies_hidden_already_can_be_planned_and_what_fails_can_not() -> None:
    store = burying()
    store.bury(RELEASE.at(APP.digest))
    assert prepare_retirement(RELEASE.at(APP.digest), PLACES, store=store).digests == (APP.digest,)
    failing = FaultyStore(plain(), faults={0: Fault(error=UpstreamError("it is down"))})
    with pytest.raises(UpstreamError, match="down"):
        prepare_retirement(RELEASE.at(APP.digest), PLACES, store=failing)
    with pytest.raises(NotFoundError):
        prepare_retirement(RELEASE.at("sha256:" + "d" * 64), PLACES, store=plain())


def test_no_plan_is_made_of_another_digest_or_of_none() -> None:
    store = MemoryStore()
    push(store, RELEASE, APP, "1")
    tree = read_tree(store, RELEASE.at(APP.digest))
    for place, code in ((RELEASE, "digest_missing"), (RELEASE.at(OTHER.digest), "digest_differs")):
        found = plan_retirement(tree, place, PLACES, StagingState(), Attachments())
        assert isinstance(found, Refused)
        assert found.code == code


def test_what_is_held_stays_where_nothing_can_be_hidden(tmp_path: Path) -> None:
    store = plain()
    house = House(tmp_path, store)
    house.held = True
    agreed = house.agreed()
    assert code_of(lambda: house.carry_on(agreed)) == "digest_held"
    assert APP.digest in store.repositories[RELEASE.place].manifests


def test_in_azure_a_release_is_hidden_and_deleted_by_the_library(acr: AcrFacade, tmp_path: Path) -> None:
    store, place = acr_client(acr), acr_place(acr)
    base = place.repository
    release = place.model_copy(update={"repository": f"{base}/release/app"})
    push(store, release, image("other"), "other")
    pinned = push(store, release, APP, "1").at(APP.digest)
    policy = rules()
    told = policy.decision.model_copy(
        update={"promotion": (Promotion(staging=f"{base}/staging", release=f"{base}/release"),)}
    )
    house = House(tmp_path, MemoryStore(), policy.model_copy(update={"decision": told}))
    house.stores[Transport.REGISTRY] = store
    store.set_locks(pinned.model_copy(update={"tag": ""}), write=False, delete=False)
    store.set_locks(pinned.model_copy(update={"digest": None, "tag": "1"}), write=False, delete=False)
    agreed = house.agreed(place=release.place)
    hidden = house.carry_on(agreed)
    assert hidden.state is RetirementState.HIDDEN
    assert store.tags(release) == ("other",)
    with pytest.raises(GateError):
        store.manifest(pinned)
    assert house.carry_on(agreed, NOW + GRACE).state is RetirementState.RETIRED
    with pytest.raises(NotFoundError):
        store.manifest(pinned)
    assert store.resolve(release.model_copy(update={"tag": "other"})) == image("other").digest
