"""What is out of service stays so, until two people have it decided anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from promotion.promotion_world import RELEASE, STAGING, planned
from registry.contract_images import image, index, push
from retirement.retirement_world import (
    ANNA,
    APP,
    BEN,
    GRACE,
    NOW,
    OTHER,
    House,
    burying,
    pulls,
    rules,
)

from gate.errors import ConflictError, GateError
from gate.model.image import ImageRef
from gate.model.retirement import RetirementAction, RetirementState
from gate.promotion.promote import promote

LATER = NOW + GRACE
AGAIN = RELEASE.at(APP.digest).model_copy(update={"tag": "1"})


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(GateError) as caught:
        call()
    return caught.value.error_code


def test_what_was_retired_is_not_released_again_and_its_name_is_nobody_elses(tmp_path: Path) -> None:
    store = burying()
    house = House(tmp_path, store, rules(grace=None))
    staged = STAGING.model_copy(update={"tag": "1", "digest": APP.digest})
    agreed = house.ask()
    house.release(planned(store, staged))  # a request alone stops nothing
    house.agree(agreed)
    assert code_of(lambda: house.release(planned(store, staged))) == "digest_retired"
    house.carry_on(agreed)
    assert code_of(lambda: house.release(planned(store, staged))) == "digest_retired"
    elsewhere = STAGING.model_copy(update={"repository": STAGING.repository.replace("app", "copy"), "tag": "9"})
    assert code_of(lambda: house.release(planned(store, push(store, elsewhere, APP, "9")))) == "digest_retired"
    assert (
        code_of(lambda: house.release(planned(store, push(store, STAGING, index(APP, OTHER), "2")))) == "digest_retired"
    )
    new = image("new")
    assert code_of(lambda: house.release(planned(store, push(store, STAGING, new, "1")))) == "tag_retired"
    house.release(planned(store, push(store, STAGING, new, "3")))


def test_two_people_may_have_it_decided_anew_and_its_name_stays_its_own(tmp_path: Path) -> None:
    store = burying()
    house = House(tmp_path, store)
    hidden = house.carry_on(house.agreed())
    back = house.ask(action=RetirementAction.REINSTATE, reason="it was the wrong one")
    assert code_of(lambda: house.guard(AGAIN)) == "digest_retired"
    done = house.carry_on(house.agree(back))
    assert done.state is RetirementState.DONE
    assert house.desk.get(hidden.id).retirement.state is RetirementState.LIFTED
    assert not pulls(store), "only an evaluation releases it"
    plan = planned(store, _staged())
    house.release(plan)
    promote(plan, store, store)
    assert pulls(store)
    other = push(store, STAGING, image("new"), "1")
    with pytest.raises(ConflictError):
        house.release(planned(store, other))
    again = house.agree(house.ask(by=BEN), by=ANNA)
    assert again.round == 2
    assert house.carry_on(again).state is RetirementState.HIDDEN


def test_what_is_held_is_not_reinstated_over_its_bytes(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    house.carry_on(house.agreed())
    house.held = True
    back = house.agreed(action=RetirementAction.REINSTATE, reason="it was the wrong one")
    assert code_of(lambda: house.carry_on(back)) == "digest_held"
    house.held = False
    assert house.carry_on(back).state is RetirementState.DONE


def test_a_denied_reinstatement_changes_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    house.carry_on(house.agreed())
    back = house.ask(action=RetirementAction.REINSTATE, reason="it was the wrong one")
    house.desk.deny(back.id, back.digest, BEN, reason="it was not", now=NOW)
    assert code_of(lambda: house.guard(AGAIN)) == "digest_retired"


def test_everything_that_waits_is_found(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    agreed = house.agreed()
    assert [one.retirement.id for one in house.run.waiting(NOW)] == [agreed.id]
    house.carry_on(agreed)
    assert house.run.waiting(NOW) == ()
    assert [one.retirement.id for one in house.run.waiting(LATER)] == [agreed.id]
    assert [one.retirement.id for one in house.desk.of(APP.digest)] == [agreed.id]
    assert [one.retirement.id for one in house.desk.listed()] == [agreed.id]
    assert house.desk.listed(after=agreed.id) == ()


def _staged() -> ImageRef:
    return STAGING.model_copy(update={"tag": "1", "digest": APP.digest})
