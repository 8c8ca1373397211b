"""Whoever uses a release keeps it in service, unless two people and the policy say otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from promotion.promotion_world import RELEASE
from retirement.retirement_world import (
    APP,
    GRACE,
    NOW,
    House,
    Told,
    burying,
    pulls,
    rules,
)

from gate.errors import ConflictError, GateError
from gate.model.retirement import RetirementState
from gate.policy.users import UserKind
from gate.promotion.users import Unasked, Users
from gate.retirement.plan import RetirementPlan
from gate.store.blobs import Blobs
from gate.store.engine import reading

LATER = NOW + GRACE
AGAIN = RELEASE.at(APP.digest).model_copy(update={"tag": "1"})


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(GateError) as caught:
        call()
    return caught.value.error_code


@pytest.mark.parametrize("kind", [UserKind.ENVIRONMENT, UserKind.DEPLOYMENT, UserKind.MODEL, UserKind.GRANT])
def test_whoever_uses_it_keeps_it_in_service_and_is_named(tmp_path: Path, kind: UserKind) -> None:
    house = House(tmp_path, burying())
    house.told.use(kind)
    agreed = house.agreed()
    with pytest.raises(ConflictError, match="scoring/blue"):
        house.carry_on(agreed)
    assert pulls(house.store)
    assert house.desk.get(agreed.id).retirement.error_code == "digest_in_use"
    house.told.found = Users()
    assert house.carry_on(agreed).state is RetirementState.HIDDEN


def test_who_begins_to_use_it_after_the_plan_keeps_it_too_and_later_its_bytes(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    agreed = house.agreed()
    real = house.told.users
    calls: list[int] = []

    def later(named: object, kinds: object) -> Users:
        calls.append(1)
        if len(calls) == 2:
            house.told.use()
        return real(named, kinds)  # type: ignore[arg-type]  # as it came

    house.told.users = later  # type: ignore[method-assign]  # somebody deploys between the plan and the act
    assert code_of(lambda: house.carry_on(agreed)) == "digest_in_use"
    assert pulls(house.store)
    assert house.desk.get(agreed.id).retirement.state is RetirementState.ACTING
    house.told.found = Users()
    hidden = house.carry_on(agreed)
    house.told.use()
    assert code_of(lambda: house.carry_on(hidden, LATER)) == "digest_in_use"
    assert APP.digest in house.store.repositories[RELEASE.place].manifests


def test_a_source_that_can_not_be_asked_is_not_nobody(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    lacking = Unasked(source="workspace ws", kinds=(UserKind.DEPLOYMENT,), code="upstream_failed", message="it is down")
    house.told.found = Users(unasked=(lacking,))
    agreed = house.agreed()
    assert code_of(lambda: house.carry_on(agreed)) == "users_unasked"
    assert pulls(house.store)


def test_two_people_may_force_it_and_the_plan_names_who_used_it(tmp_path: Path) -> None:
    house = House(tmp_path, burying(), rules(force=True))
    house.told.use()
    hidden = house.carry_on(house.agreed(forced=True))
    assert not pulls(house.store)
    with reading(house.engine) as connection:
        plan = RetirementPlan.parse(Blobs(connection).get(str(hidden.plan)))
    assert [user.name for user in plan.found.users] == ["scoring/blue"]


def test_force_ends_with_the_policy_that_allowed_it(tmp_path: Path) -> None:
    store, told = burying(), Told()
    agreed = House(tmp_path, store, rules(force=True)).agreed(forced=True)
    told.use()
    strict = House(tmp_path, store, rules(), told)
    assert code_of(lambda: strict.carry_on(agreed)) == "digest_in_use"
    assert pulls(store)
