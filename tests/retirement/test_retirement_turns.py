"""A service carries on with retirements: each in its turn, and what fails is not tried at every beat of its clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from promotion.promotion_world import RELEASE
from retirement.retirement_world import APP, GRACE, NOW, OTHER, House, burying, pulls

from gate.model.retirement import RetirementState
from gate.promotion.users import Users
from gate.retirement.turns import PACE, RetirementTurns


def test_what_was_agreed_on_is_hidden_and_then_deleted_by_the_service_alone(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    agreed = house.agreed()
    clock = [NOW]
    turns = RetirementTurns(house.run, lambda: clock[0])
    assert turns.once() == 1
    assert not pulls(house.store)
    clock[0] = NOW + GRACE - timedelta(seconds=1)
    assert turns.once() == 0
    clock[0] = NOW + GRACE
    assert turns.once() == 1
    assert house.desk.get(agreed.id).retirement.state is RetirementState.RETIRED
    assert APP.digest not in house.store.repositories[RELEASE.place].manifests


def test_what_fails_keeps_no_other_from_its_turn_and_waits_for_the_next(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    missing = house.agreed(digest="sha256:" + "d" * 64)
    other = house.agreed(digest=OTHER.digest)
    clock: list[datetime] = [NOW]
    turns = RetirementTurns(house.run, lambda: clock[0])
    assert turns.once() == 1
    assert not pulls(house.store, OTHER.digest)
    assert house.desk.get(other.id).retirement.state is RetirementState.HIDDEN
    before = len(house.told.asked)
    assert turns.once() == 0
    clock[0] = NOW + PACE
    assert turns.once() == 0
    assert house.desk.get(missing.id).retirement.error_code == "not_released"
    assert house.events().count("retirement_failed") == 1, "the same failure is on record once"
    assert len(house.told.asked) == before


def test_a_user_who_goes_lets_it_go_on_at_the_next_turn(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    house.agreed()
    house.told.use()
    clock = [NOW]
    turns = RetirementTurns(house.run, lambda: clock[0])
    assert turns.once() == 0
    house.told.found = Users()
    assert turns.once() == 0, "it was tried a moment ago"
    clock[0] = NOW + PACE
    assert turns.once() == 1
    assert not pulls(house.store)
