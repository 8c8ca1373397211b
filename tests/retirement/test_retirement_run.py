"""Carrying a retirement out: nobody can pull it, nothing else is touched, whoever is killed or helps meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from promotion.promotion_graves import BuryingMemory, FaultyGraves
from promotion.promotion_memory import Fault, FaultyStore, KeepingStore, MemoryStore
from promotion.promotion_world import PLACES, RELEASE, STAGING
from registry.contract_images import index, push
from retirement.retirement_world import (
    APP,
    GRACE,
    NOW,
    OTHER,
    House,
    burying,
    plain,
    pulls,
    released,
    rules,
)

from gate.errors import GateError, UpstreamError
from gate.model.image import Transport
from gate.model.retirement import Retirement, RetirementState
from gate.promotion.tree import describe
from gate.registry.interface import ImageWriter
from gate.retirement.act import RetirementReceipt, hide
from gate.store.blobs import Blobs
from gate.store.engine import reading

LATER = NOW + GRACE
AGAIN = RELEASE.at(APP.digest).model_copy(update={"tag": "1"})


class Killed(BaseException):
    """The process dies here: nothing catches it."""


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(GateError) as caught:
        call()
    return caught.value.error_code


def test_it_is_hidden_at_once_and_deleted_when_its_time_has_come(tmp_path: Path) -> None:
    store = burying()
    before = store.snapshot()
    house = House(tmp_path, store)
    hidden = house.carry_on(house.agreed())
    assert (hidden.state, hidden.due_at) == (RetirementState.HIDDEN, LATER)
    assert not pulls(store)
    assert RELEASE.place in store.repositories
    assert APP.digest in store.repositories[RELEASE.place].manifests, "its bytes are kept"
    assert store.tags(RELEASE) == ("other",)
    assert house.carry_on(hidden, LATER - timedelta(seconds=1)) == hidden
    ended = house.carry_on(hidden, LATER)
    assert ended.state is RetirementState.RETIRED
    assert APP.digest not in store.repositories[RELEASE.place].manifests
    assert pulls(store, OTHER.digest)
    assert store.repositories[STAGING.place] == before[STAGING.place], "nothing outside the release place is touched"
    assert house.events() == [
        "retirement_requested",
        "retirement_approved",
        "retirement_intended",
        "retirement_hidden",
        "retired",
    ]


def test_without_a_grace_it_is_deleted_right_after_it_was_hidden(tmp_path: Path) -> None:
    house = House(tmp_path, burying(), rules(grace=None))
    assert house.carry_on(house.agreed()).state is RetirementState.RETIRED
    assert house.events()[-2:] == ["retirement_hidden", "retired"]


def test_where_nothing_can_be_hidden_it_is_deleted_at_once_and_the_plan_says_so(tmp_path: Path) -> None:
    store = plain()
    house = House(tmp_path, store)
    plan = house.run.plan(RELEASE.place, APP.digest, now=NOW)
    assert [left.code for left in plan.omitted] == ["no_tombstone"]
    ended = house.carry_on(house.agreed())
    assert (ended.state, ended.due_at) == (RetirementState.RETIRED, None)
    assert not pulls(store)
    assert store.tags(RELEASE) == ("other",)


def test_a_look_changes_nothing(tmp_path: Path) -> None:
    store = burying()
    house = House(tmp_path, store)
    before = store.snapshot()
    plan = house.run.plan(RELEASE.place, APP.digest, now=NOW)
    assert (plan.digests, plan.tags, plan.hidden) == ((APP.digest,), ("1",), True)
    assert store.snapshot() == before
    assert house.events() == []


def test_what_is_not_released_there_is_not_retired(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    agreed = house.agreed(digest="sha256:" + "d" * 64)
    assert code_of(lambda: house.carry_on(agreed)) == "not_released"
    assert house.desk.get(agreed.id).retirement.error_code == "not_released"
    assert house.events()[-1] == "retirement_failed"


def test_a_tag_that_moves_after_the_request_stays_with_the_other_image(tmp_path: Path) -> None:
    store = burying()
    house = House(tmp_path, store)
    agreed = house.agreed()
    store.put_manifest(RELEASE.model_copy(update={"tag": "1"}), OTHER.manifest)
    house.carry_on(agreed)
    assert not pulls(store)
    assert pulls(store, OTHER.digest)
    assert store.resolve(RELEASE.model_copy(update={"tag": "1"})) == OTHER.digest


def test_a_tag_that_is_put_on_it_after_the_plan_goes_too(tmp_path: Path) -> None:
    store = FaultyGraves(burying())
    house = House(tmp_path, burying())
    house.stores[Transport.REGISTRY] = store
    agreed = house.agreed()
    probe = FaultyGraves(burying())
    quiet = House(_sub(tmp_path, "probe"), burying())
    quiet.stores[Transport.REGISTRY] = probe
    quiet.carry_on(quiet.agreed())
    first = probe.trace.index("bury")
    inner = store.inner
    store.faults[first - 1] = Fault(
        act=lambda: inner.put_manifest(RELEASE.model_copy(update={"tag": "late"}), APP.manifest)
    )
    house.carry_on(agreed)
    assert "late" not in inner.tags(RELEASE)


def test_an_image_that_an_index_lists_is_used(tmp_path: Path) -> None:
    store = burying()
    push(store, RELEASE, index(APP, OTHER), "both")
    house = House(tmp_path, store)
    agreed = house.agreed()
    assert code_of(lambda: house.carry_on(agreed)) == "digest_in_use"
    assert pulls(store)
    whole = house.agreed(digest=index(APP, OTHER).digest)
    house.carry_on(whole)
    assert pulls(store), "it has a tag of its own"
    assert not pulls(store, index(APP, OTHER).digest)


def test_a_lock_is_lifted_only_where_policy_says_so(tmp_path: Path) -> None:
    store = KeepingStore()
    released(store)
    store.set_locks(RELEASE.at(APP.digest), write=False, delete=False)
    strict = House(tmp_path, store, rules(unlock=False))
    agreed = strict.agreed()
    assert code_of(lambda: strict.carry_on(agreed)) == "manifest_locked"
    assert pulls(store)
    assert House(tmp_path, store).carry_on(agreed).state is RetirementState.RETIRED


def test_what_is_held_is_hidden_and_not_deleted(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    hidden = house.carry_on(house.agreed())
    house.held = True
    assert code_of(lambda: house.carry_on(hidden, LATER)) == "digest_held"
    assert not pulls(house.store)
    assert APP.digest in house.store.repositories[RELEASE.place].manifests


def test_what_somebody_names_or_digs_up_while_it_is_hidden_is_hidden_again_and_deleted_in_its_time(
    tmp_path: Path,
) -> None:
    store = burying()
    house = House(tmp_path, store)
    hidden = house.carry_on(house.agreed())
    store.unbury(RELEASE.at(APP.digest), describe(APP.manifest))
    store.repositories[RELEASE.place].tags["back"] = APP.digest
    house.held = True
    assert code_of(lambda: house.carry_on(hidden, LATER)) == "digest_held"
    assert not pulls(store), "a hold keeps the bytes, and serves nothing"
    assert APP.digest in store.repositories[RELEASE.place].manifests
    house.held = False
    assert house.carry_on(hidden, LATER).state is RetirementState.RETIRED
    assert APP.digest not in store.repositories[RELEASE.place].manifests
    assert store.tags(RELEASE) == ("other",)
    assert pulls(store, OTHER.digest)


def test_a_store_that_says_yes_and_hides_nothing_is_not_believed(tmp_path: Path) -> None:
    store = burying()
    store.boastful = True
    house = House(tmp_path, store)
    agreed = house.agreed()
    assert code_of(lambda: house.carry_on(agreed)) == "tombstone_unproved"
    assert house.desk.get(agreed.id).retirement.state is RetirementState.ACTING


@pytest.mark.parametrize("made", [burying, plain], ids=["hides", "deletes"])
def test_a_fault_at_each_request_is_followed_by_the_next_call(tmp_path: Path, made: Callable[[], MemoryStore]) -> None:
    probe = _wrapped(made())
    _run_to_end(_house(tmp_path, "probe", probe))
    assert len(probe.trace) > 5
    for number in range(len(probe.trace)):
        how = ("killed", "lost", "error")[number % 3]
        store = _wrapped(made())
        house = _house(tmp_path, f"{how}-{number}", store)
        error = Killed() if how == "killed" else UpstreamError("it failed")
        store.faults[number] = Fault(error=error, lost=how == "lost")
        agreed = house.agreed()
        with contextlib.suppress(Killed, GateError):
            _run_to_end(house, agreed)
        second = _house(tmp_path, f"{how}-{number}", store)
        ended = _run_to_end(second, agreed)
        assert ended.state is RetirementState.RETIRED, number
        inner = store.inner
        assert isinstance(inner, MemoryStore)
        assert not pulls(inner)
        assert pulls(inner, OTHER.digest)
        assert second.events().count("retired") == 1
        assert second.events().count("retirement_intended") == 1


def test_a_second_gate_does_the_same_and_one_of_the_two_records_it(tmp_path: Path) -> None:
    store = _wrapped(burying())
    first = _house(tmp_path, "both", store)
    agreed = first.agreed()
    second = _house(tmp_path, "both", burying())
    second.stores[Transport.REGISTRY] = store.inner
    probe = _wrapped(burying())
    _run_to_end(_house(tmp_path, "alone", probe))
    store.faults[probe.trace.index("bury")] = Fault(act=lambda: second.carry_on(agreed))
    assert first.carry_on(agreed).state is RetirementState.HIDDEN
    assert first.events().count("retirement_hidden") == 1
    assert "retirement_failed" not in first.events()


def test_the_receipt_says_what_was_read_back(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    hidden = house.carry_on(house.agreed())
    with reading(house.engine) as connection:
        receipt = RetirementReceipt.parse(Blobs(connection).get(str(hidden.receipt)))
    assert receipt.hidden
    assert {(one.what, one.answer) for one in receipt.read_back} >= {("manifest", "unreadable"), ("tag", "not_found")}


def test_no_plan_reaches_outside_release_places_whoever_wrote_it(tmp_path: Path) -> None:
    store = burying()
    plan = House(tmp_path, store).run.plan(RELEASE.place, APP.digest, now=NOW)
    forged = plan.model_copy(update={"place": STAGING.at(APP.digest)})
    assert code_of(lambda: hide(forged, store, places=PLACES)) == "not_release"


def _sub(folder: Path, name: str) -> Path:
    (folder / name).mkdir(exist_ok=True)
    return folder / name


def _wrapped(store: MemoryStore) -> FaultyStore:
    return FaultyGraves(store) if isinstance(store, BuryingMemory) else FaultyStore(store)


def _house(folder: Path, name: str, store: FaultyStore | MemoryStore) -> House:
    inner = store.inner if isinstance(store, FaultyStore) else store
    assert isinstance(inner, MemoryStore)
    house = House(_sub(folder, name), inner)
    wrapped: ImageWriter = store
    house.stores[Transport.REGISTRY] = wrapped
    return house


def _run_to_end(house: House, agreed: Retirement | None = None) -> Retirement:
    found = agreed or house.agreed()
    house.carry_on(found)
    return house.carry_on(found, LATER)
