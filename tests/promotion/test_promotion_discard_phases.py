"""A discard in two phases: first nobody can pull it, later it is deleted; whatever goes wrong at whichever call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from acr_world.client import acr_client, acr_place
from promotion.promotion_graves import BuryingMemory, FaultyGraves
from promotion.promotion_memory import Fault, MemoryStore
from promotion.promotion_world import PLACES, STAGING
from registry.contract_images import image, index, plain, push

from gate.errors import (
    ConflictError,
    GateError,
    NotFoundError,
    ThrottledUpstreamError,
    TimeoutUpstreamError,
    UnauthorizedUpstreamError,
    UpstreamError,
    UsageError,
)
from gate.model.image import ImageRef, Transport
from gate.promotion.attach import attach
from gate.promotion.erase import erase
from gate.promotion.places import Places
from gate.promotion.plan_discard import DiscardPlan
from gate.promotion.prepare import prepare_discard
from gate.promotion.receipt import TombstoneReceipt
from gate.promotion.restore import restore
from gate.promotion.tombstone import bury, is_buried
from gate.promotion.tree import describe
from gate.registry.graves import Grave, graves_of
from gate.registry.layout import OciLayout
from gate.registry.referring import listed_referrers

if TYPE_CHECKING:
    from acr_world.facade import AcrFacade

    from gate.registry.interface import ImageWriter

APP = index(image("amd64"), image("arm64"))
DIGESTS = (APP.digest, *(child.digest for child in APP.children))
NEIGHBOUR = image("neighbour")


class Killed(BaseException):
    """The process ends here."""


ERRORS: dict[str, Callable[[], BaseException]] = {
    "401": lambda: UnauthorizedUpstreamError("credentials refused"),
    "404": lambda: NotFoundError("not found"),
    "409": lambda: ConflictError("in another state"),
    "429": lambda: ThrottledUpstreamError("slow down"),
    "500": lambda: UpstreamError("failed"),
    "cut": lambda: TimeoutUpstreamError("no answer"),
    "killed": Killed,
}


def free() -> bool:
    return False


def filled(store: ImageWriter, place: ImageRef = STAGING) -> ImageRef:
    push(store, place, NEIGHBOUR, "2.0")
    return push(store, place, APP, "1.0", "latest")


def planned(store: ImageWriter, place: ImageRef, places: Places = PLACES) -> DiscardPlan:
    return prepare_discard(place, places, store=store, grace=True)


def pulls(store: ImageWriter, place: ImageRef, digests: tuple[str, ...] = DIGESTS) -> list[str]:
    """Return what somebody could still pull, by digest or by one of the tags."""
    names = [place.at(digest).model_copy(update={"tag": ""}) for digest in digests]
    found = []
    for name in names:
        try:
            found.append(store.manifest(name).digest)
        except GateError:
            continue
    for tag in ("1.0", "latest"):
        try:
            found.append(store.resolve(place.model_copy(update={"tag": tag, "digest": None})))
        except GateError:
            continue
    return [digest for digest in found if digest in digests]


@pytest.fixture(params=["memory", "layout", "azure"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ImageWriter, ImageRef, Places]:
    if request.param == "memory":
        return BuryingMemory(), STAGING, PLACES
    if request.param == "layout":
        place = ImageRef(transport=Transport.OCI_LAYOUT, repository=f"{tmp_path}/staging")
        return OciLayout(), place, Places.of([(f"oci:{tmp_path}/staging", f"oci:{tmp_path}/release")])
    facade = request.getfixturevalue("acr")
    place = acr_place(facade)
    base = place.repository.removesuffix("/app")
    staging = place.model_copy(update={"repository": f"{base}/staging/app"})
    return acr_client(facade), staging, Places.of([(f"{base}/staging", f"{base}/release")])


def test_what_is_buried_is_pulled_by_nobody_and_its_bytes_are_there(
    world: tuple[ImageWriter, ImageRef, Places],
) -> None:
    store, staging, places = world
    place = filled(store, staging)
    plan = planned(store, place, places)
    assert plan.tombstone
    receipt = bury(plan, store, places=places)
    assert pulls(store, staging) == []
    assert store.tags(staging) == ("2.0",)
    assert receipt.tags == ("1.0", "latest")
    assert {one.digest for one in receipt.manifests} == set(DIGESTS)
    assert {read.answer for read in receipt.read_back if read.what == "manifest"} == {"unreadable"}
    assert store.manifest(staging.at(NEIGHBOUR.digest)).digest == NEIGHBOUR.digest
    again = bury(plan, store, places=places)
    assert again.manifests == receipt.manifests
    assert is_buried(store, staging, DIGESTS)


def test_what_was_buried_is_erased_and_nothing_beside_it(world: tuple[ImageWriter, ImageRef, Places]) -> None:
    store, staging, places = world
    receipt = bury(planned(store, filled(store, staging), places), store, places=places)
    gone = erase(receipt, store, places=places, held=free)
    assert gone.deleted == tuple(one.digest for one in receipt.manifests)
    assert not gone.already_gone
    for digest in DIGESTS:
        assert store.grave(staging.at(digest)) is Grave.ABSENT  # type: ignore[attr-defined]
    assert store.tags(staging) == ("2.0",)
    assert store.manifest(staging.at(NEIGHBOUR.digest)).digest == NEIGHBOUR.digest
    assert erase(receipt, store, places=places, held=free).already_gone


def test_what_was_buried_is_restored_in_the_same_bytes_and_under_its_tags(
    world: tuple[ImageWriter, ImageRef, Places],
) -> None:
    store, staging, places = world
    receipt = bury(planned(store, filled(store, staging), places), store, places=places)
    push(store, staging, image("newer"), "latest")
    back = restore(receipt, store, places=places)
    assert (back.tags, back.taken) == (("1.0",), ("latest",))
    assert store.manifest(staging.at(APP.digest)) == APP.manifest
    assert store.manifest(staging.at(APP.children[0].digest)) == APP.children[0].manifest
    assert store.resolve(staging.model_copy(update={"tag": "latest", "digest": None})) == image("newer").digest
    assert restore(receipt, store, places=places) == back


def test_what_is_attached_is_hidden_with_it_and_listed_again_with_it(
    world: tuple[ImageWriter, ImageRef, Places],
) -> None:
    store, staging, places = world
    place = filled(store, staging)
    bill = image("bill", artifactType="application/vnd.test.bill", subject=plain(describe(APP.manifest)))
    push(store, staging, bill)
    attach(store, staging, APP.digest, describe(bill.manifest))
    plan = planned(store, place, places)
    receipt = bury(plan, store, places=places)
    assert pulls(store, staging, (*DIGESTS, bill.digest)) == []
    assert store.tags(staging) == ("2.0",)
    back = restore(receipt, store, places=places)
    assert back.tags == ("1.0", "latest")
    assert store.manifest(staging.at(bill.digest)) == bill.manifest
    assert [one.digest for one in listed_referrers(store, staging.at(APP.digest))] == [bill.digest]
    assert store.resolve(staging.model_copy(update={"tag": "1.0", "digest": None})) == APP.digest
    again = bury(planned(store, place, places), store, places=places)
    erase(again, store, places=places, held=free)
    assert store.grave(staging.at(bill.digest)) is Grave.ABSENT  # type: ignore[attr-defined]
    assert store.tags(staging) == ("2.0",)


def test_the_same_bytes_pushed_again_in_between_are_deployable_only_until_the_next_look(
    world: tuple[ImageWriter, ImageRef, Places],
) -> None:
    store, staging, places = world
    place = filled(store, staging)
    plan = planned(store, place, places)
    receipt = bury(plan, store, places=places)
    try:
        push(store, staging, APP, "again")
    except GateError:
        # Azure lets nobody write over what may not be written; a tag on it is another question.
        return
    assert is_buried(store, staging, DIGESTS) is not bool(pulls(store, staging))
    bury(plan, store, places=places)
    assert is_buried(store, staging, DIGESTS)
    push(store, staging, APP, "again")
    gone = erase(receipt, store, places=places, held=free)
    assert gone.tags == ("again",)
    assert store.tags(staging) == ("2.0",)
    assert pulls(store, staging) == []


def test_an_index_that_came_to_list_it_keeps_it(world: tuple[ImageWriter, ImageRef, Places]) -> None:
    store, staging, places = world
    place = filled(store, staging)
    plan = planned(store, place, places)
    push(store, staging, index(APP), "bigger")
    with pytest.raises(ConflictError) as refused:
        bury(plan, store, places=places)
    assert refused.value.error_code == "digest_in_use"
    assert pulls(store, staging)


def test_a_child_that_another_index_lists_stays_readable(world: tuple[ImageWriter, ImageRef, Places]) -> None:
    store, staging, places = world
    shared = APP.children[0]
    push(store, staging, index(shared, image("other")), "shared")
    bury(planned(store, filled(store, staging), places), store, places=places)
    assert store.manifest(staging.at(shared.digest)) == shared.manifest
    assert pulls(store, staging, (APP.digest, APP.children[1].digest)) == []


def test_a_place_that_can_hide_nothing_deletes_at_once_and_the_plan_says_so() -> None:
    store = MemoryStore()
    plan = prepare_discard(filled(store), PLACES, store=store, grace=True)
    assert not plan.tombstone
    assert [left.code for left in plan.omitted] == ["no_tombstone"]
    with pytest.raises(UpstreamError) as failed:
        bury(plan, store, places=PLACES)
    assert failed.value.error_code == "tombstone_impossible"
    assert not prepare_discard(filled(store), PLACES, store=store).omitted


def test_what_is_held_where_nothing_can_be_hidden_is_not_deleted() -> None:
    store = MemoryStore()
    place = filled(store)
    before = store.snapshot()
    with pytest.raises(ConflictError) as refused:
        prepare_discard(place, PLACES, store=store, held=True)
    assert refused.value.error_code == "digest_held"
    assert store.repositories == before


def test_a_registry_that_only_says_yes_has_buried_nothing() -> None:
    store = BuryingMemory()
    plan = planned(store, filled(store))
    store.boastful = True
    with pytest.raises(UpstreamError) as failed:
        bury(plan, store, places=PLACES)
    assert failed.value.error_code == "tombstone_unproved"


def test_a_registry_that_only_says_yes_has_erased_nothing() -> None:
    store = BuryingMemory()
    receipt = bury(planned(store, filled(store)), store, places=PLACES)
    store.boastful = True
    with pytest.raises(UpstreamError) as failed:
        erase(receipt, store, places=PLACES, held=free)
    assert failed.value.error_code == "discard_unproved"


@pytest.mark.parametrize("what", ["manifest", "tag"])
def test_what_somebody_locked_is_not_buried_unless_policy_lifts_locks(what: str) -> None:
    store = BuryingMemory()
    place = filled(store)
    named = place if what == "manifest" else place.model_copy(update={"digest": None, "tag": "latest"})
    store.set_locks(named, write=True, delete=False)
    plan = planned(store, place)
    with pytest.raises(ConflictError) as refused:
        bury(plan, store, places=PLACES)
    assert refused.value.error_code == "manifest_locked"
    assert pulls(store, STAGING)
    assert bury(plan, store, places=PLACES, unlock=True).tags == ("1.0", "latest")
    assert pulls(store, STAGING) == []


def test_a_hold_that_comes_while_it_is_deleted_keeps_what_is_left() -> None:
    store = BuryingMemory()
    receipt = bury(planned(store, filled(store)), store, places=PLACES)
    answers = iter([False, True])
    with pytest.raises(ConflictError) as refused:
        erase(receipt, store, places=PLACES, held=lambda: next(answers))
    assert refused.value.error_code == "digest_held"
    assert refused.value.facts["deleted"] == "1"
    left = [digest for digest in DIGESTS if store.grave(STAGING.at(digest)) is Grave.BURIED]
    assert len(left) == 2
    assert pulls(store, STAGING) == []


def test_what_lies_outside_staging_is_neither_buried_nor_erased_nor_restored() -> None:
    store = BuryingMemory()
    plan = planned(store, filled(store))
    receipt = bury(plan, store, places=PLACES)
    before = store.snapshot()
    # What was staging when it was decided may be a release place by now.
    moved = Places.of([("registry.example.org/elsewhere", "registry.example.org/staging")])
    attempts: list[Callable[[], object]] = [
        lambda: bury(plan, store, places=moved),
        lambda: erase(receipt, store, places=moved, held=free),
        lambda: restore(receipt, store, places=moved),
    ]
    for attempt in attempts:
        with pytest.raises(ConflictError) as refused:
            attempt()
        assert refused.value.error_code == "not_staging"
    assert store.repositories == before


def test_what_is_gone_is_not_restored() -> None:
    store = BuryingMemory()
    receipt = bury(planned(store, filled(store)), store, places=PLACES)
    store.erase(STAGING.at(APP.children[0].digest))
    with pytest.raises(ConflictError) as refused:
        restore(receipt, store, places=PLACES)
    assert refused.value.error_code == "tombstone_gone"
    assert pulls(store, STAGING) == []


def test_what_stays_hidden_was_not_restored() -> None:
    store = BuryingMemory()
    receipt = bury(planned(store, filled(store)), store, places=PLACES)
    store.boastful = True
    with pytest.raises(UpstreamError) as failed:
        restore(receipt, store, places=PLACES)
    assert failed.value.error_code == "restore_unproved"


def test_somebody_who_keeps_pushing_the_tag_is_an_error_and_no_loop() -> None:
    class Pushed(FaultyGraves):
        def untag(self, ref: ImageRef) -> None:
            super().untag(ref)
            self.inner.repositories[ref.place].tags[ref.tag] = APP.digest  # type: ignore[attr-defined]

    store = BuryingMemory()
    plan = planned(store, filled(store))
    with pytest.raises(UpstreamError) as failed:
        bury(plan, Pushed(store), places=PLACES)
    assert failed.value.error_code == "tombstone_unproved"


def length(run: Callable[[FaultyGraves], object]) -> int:
    store = BuryingMemory()
    filled(store)
    faulty = FaultyGraves(store)
    run(faulty)
    return len(faulty.trace)


def burying(store: ImageWriter) -> TombstoneReceipt:
    memory = BuryingMemory()
    plan = planned(memory, filled(memory))
    return bury(plan, store, places=PLACES)


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "answer-lost"])
@pytest.mark.parametrize("kind", ERRORS)
def test_a_tombstone_survives_each_fault_at_each_call(kind: str, lost: bool) -> None:
    for at in range(length(burying)):
        store = BuryingMemory()
        filled(store)
        try:
            burying(FaultyGraves(store, {at: Fault(error=ERRORS[kind](), lost=lost)}))
        except (GateError, Killed):
            pass
        else:
            assert pulls(store, STAGING) == []
        assert store.repositories[STAGING.place].manifests.keys() >= {NEIGHBOUR.digest, *DIGESTS}
        receipt = burying(store)
        assert receipt.tags == ("1.0", "latest")
        assert pulls(store, STAGING) == []
        assert store.tags(STAGING) == ("2.0",)


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "answer-lost"])
@pytest.mark.parametrize("kind", ERRORS)
def test_an_erasure_survives_each_fault_at_each_call_and_nothing_is_ever_pulled(kind: str, lost: bool) -> None:
    def run(store: ImageWriter) -> object:
        memory = BuryingMemory()
        receipt = bury(planned(memory, filled(memory)), memory, places=PLACES)
        if isinstance(store, FaultyGraves) and not store.faults:
            bury(planned(store.inner, STAGING.at(APP.digest)), store.inner, places=PLACES)
        return erase(receipt, store, places=PLACES, held=free)

    for at in range(length(run)):
        store = BuryingMemory()
        receipt = bury(planned(store, filled(store)), store, places=PLACES)
        faulty = FaultyGraves(store, {at: Fault(error=ERRORS[kind](), lost=lost)})
        try:
            erase(receipt, faulty, places=PLACES, held=free)
        except (GateError, Killed):
            pass
        else:
            assert not set(DIGESTS) & store.repositories[STAGING.place].manifests.keys()
        assert pulls(store, STAGING) == []
        assert erase(receipt, store, places=PLACES, held=free).deleted
        assert set(store.repositories[STAGING.place].manifests) == {NEIGHBOUR.digest}


def test_in_azure_tags_come_off_by_the_library_and_never_by_deleting_a_tag_of_v2(acr: AcrFacade) -> None:
    store, place = acr_client(acr), acr_place(acr)
    base = place.repository.removesuffix("/app")
    staging = place.model_copy(update={"repository": f"{base}/staging/app"})
    places = Places.of([(f"{base}/staging", f"{base}/release")])
    filled(store, staging)
    before = len(acr.state.requests)
    plan = planned(store, staging.at(APP.digest), places)
    receipt = bury(plan, store, places=places)
    deleted = [line for line in acr.state.requests[before:] if line.startswith("DELETE")]
    assert {line.partition("?")[0].rpartition("/")[2] for line in deleted} == {"1.0", "latest"}
    assert all("/acr/v1/" in line and "/_tags/" in line for line in deleted)
    for digest in DIGESTS:  # nobody's purge deletes what is kept
        with pytest.raises(GateError):
            store.delete_manifest(staging.at(digest))
        assert store.grave(staging.at(digest)) is Grave.BURIED
    erase(receipt, store, places=places, held=free)


def test_in_azure_a_404_that_the_library_takes_for_an_untagging_is_no_tombstone(acr: AcrFacade) -> None:
    store, place = acr_client(acr), acr_place(acr)
    base = place.repository.removesuffix("/app")
    staging = place.model_copy(update={"repository": f"{base}/staging/app"})
    places = Places.of([(f"{base}/staging", f"{base}/release")])
    filled(store, staging)
    plan = planned(store, staging.at(APP.digest), places)
    acr.state.fail("DELETE /acr/v1/.*/_tags/", 404, times=100)
    with pytest.raises(UpstreamError) as failed:
        bury(plan, store, places=places)
    assert failed.value.error_code == "tombstone_unproved"
    assert store.tagged(staging.model_copy(update={"tag": "1.0"})) == APP.digest
    acr.state.heal()
    assert bury(plan, store, places=places).tags == ("1.0", "latest")


def test_what_is_not_there_is_buried_untagged_and_erased_without_an_error(
    world: tuple[ImageWriter, ImageRef, Places],
) -> None:
    store, staging, _ = world
    graves = graves_of(store, staging)
    assert graves is not None
    nothing = staging.at(image("nothing").digest)
    tag = staging.model_copy(update={"tag": "nothing"})
    for _ in range(2):
        graves.bury(nothing)
        graves.untag(tag)
        graves.erase(nothing)
        push(store, staging, NEIGHBOUR, "2.0")  # at first there is no place at all
    assert graves.grave(nothing) is Grave.ABSENT
    with pytest.raises(NotFoundError):
        graves.tagged(tag)
    assert graves.tagged(staging.model_copy(update={"tag": "2.0"})) == NEIGHBOUR.digest
    graves.untag(staging.model_copy(update={"tag": "2.0"}))
    assert store.tags(staging) == ()
    assert store.manifest(staging.at(NEIGHBOUR.digest)) == NEIGHBOUR.manifest


def test_a_layout_buries_by_digest_alone_and_keeps_what_is_another_images_layer(tmp_path: Path) -> None:
    store = OciLayout()
    place = ImageRef(transport=Transport.OCI_LAYOUT, repository=f"{tmp_path}/staging")
    push(store, place, APP, "1.0")
    with pytest.raises(UsageError) as refused:
        store.bury(place.model_copy(update={"tag": "1.0"}))
    assert refused.value.error_code == "digest_needed"
    layer = next(iter(APP.children[0].blobs))
    store.erase(place.at(layer.digest))
    assert store.has_blob(place, layer.digest)
    assert store.grave(place.at(layer.digest)) is Grave.ABSENT


def test_in_azure_a_registry_that_fails_is_no_answer_and_damage_is_there(acr: AcrFacade) -> None:
    store, place = acr_client(acr), acr_place(acr)
    pushed = push(store, place, image("failing"), "1")
    acr.state.fail("GET /v2/.*/manifests/", 500, times=20)
    with pytest.raises(UpstreamError):
        store.grave(pushed)
    acr.state.heal()
    store.bury(pushed)
    acr.state.fail("GET /v2/.*/manifests/", 200, body=b"{}", times=1)
    assert store.grave(pushed) is Grave.OPEN, "something is served under it, be it damaged"


def test_in_azure_a_refusal_for_want_of_rights_is_no_grave(acr: AcrFacade) -> None:
    store, place = acr_client(acr), acr_place(acr)
    pushed = push(store, place, image("forbidden"), "1")
    acr.state.fail("GET /v2/.*/manifests/", 403, times=5)
    with pytest.raises(UpstreamError) as failed:
        store.grave(pushed)
    assert failed.value.error_code == "grave_unclear"
    acr.state.heal()
    assert store.grave(pushed) is Grave.OPEN


def test_in_azure_whoever_reads_what_is_hidden_is_told_that_it_may_have_been_discarded(acr: AcrFacade) -> None:
    """An index that lists an image which another index took with it into its grave, for one."""
    store, place = acr_client(acr), acr_place(acr)
    pushed = push(store, place, image("hidden"), "1")
    store.bury(pushed)
    for read in (lambda: store.manifest(pushed), lambda: store.resolve(place.model_copy(update={"tag": "1"}))):
        with pytest.raises(UpstreamError) as refused:
            read()
        assert refused.value.error_code == "manifest_hidden"
        assert "gate discard list" in refused.value.hint
