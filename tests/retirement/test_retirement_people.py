"""Nobody takes a release out of service alone, as somebody else, or for another image than was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from promotion.promotion_world import HOST, STAGING
from pydantic import ValidationError
from retirement.retirement_world import ANNA, APP, BEN, NOW, OTHER, House, burying, pulls, rules

from gate.errors import GateError, NotFoundError
from gate.model.principal import SYSTEM, Principal, PrincipalKind
from gate.model.retirement import Retirement, RetirementAction, RetirementState

ROBOT = Principal(tenant="acme", object_id="robot", kind=PrincipalKind.SERVICE)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, burying())


def refused(code: str, call: Any, *arguments: Any, **more: Any) -> None:
    with pytest.raises(GateError) as caught:
        call(*arguments, **more)
    assert caught.value.error_code == code


def test_asking_changes_nothing_and_waits_for_somebody_else(house: House) -> None:
    asked = house.ask()
    assert asked.state is RetirementState.REQUESTED
    assert house.carry_on(asked) == asked
    assert pulls(house.store)
    assert house.events() == ["retirement_requested"]


@pytest.mark.parametrize(
    "approver",
    [ANNA, Principal(tenant="ACME", object_id="Anna"), Principal(tenant="acme", object_id="anna", claimed=False)],
)
def test_nobody_agrees_to_their_own_request_however_they_spell_themselves(house: House, approver: Principal) -> None:
    asked = house.ask()
    refused("self_approval", house.agree, asked, approver)
    assert house.carry_on(asked) == asked
    assert pulls(house.store)


def test_one_who_is_proved_and_one_who_is_claimed_may_be_one_person(house: House) -> None:
    asked = house.ask()
    refused("unequally_proved", house.agree, asked, BEN.model_copy(update={"claimed": False}))
    assert house.desk.get(asked.id).retirement == asked


@pytest.mark.parametrize("who", [ROBOT, SYSTEM])
def test_a_service_neither_asks_nor_agrees(house: House, who: Principal) -> None:
    refused("service_cannot_request", house.ask, by=who)
    asked = house.ask()
    refused("service_cannot_approve", house.agree, asked, who)
    assert house.events() == ["retirement_requested"]


def test_an_identity_that_can_not_be_told_from_others_is_nobody(house: House) -> None:
    asked = house.ask()
    refused("identity_unclear", house.agree, asked, Principal(tenant="acme", object_id=" "))
    refused("identity_unclear", house.agree, asked, Principal(tenant="gate", object_id="system"))


def test_policy_may_believe_proved_identities_alone(tmp_path: Path) -> None:
    house = House(tmp_path, burying(), rules(proved=True))
    refused("identity_unproved", house.ask)
    asked = house.ask(by=ANNA.model_copy(update={"claimed": False}))
    refused("identity_unproved", house.agree, asked, BEN)
    assert house.agree(asked, BEN.model_copy(update={"claimed": False})).state is RetirementState.APPROVED


def test_whoever_agrees_names_the_digest_that_they_mean(house: House) -> None:
    asked = house.ask()
    refused("wrong_digest", house.desk.approve, asked.id, OTHER.digest, BEN, now=NOW)
    refused("wrong_digest", house.desk.deny, asked.id, OTHER.digest, BEN, reason="not that one", now=NOW)
    assert house.desk.get(asked.id).retirement == asked


def test_what_is_decided_is_not_decided_again(house: House) -> None:
    agreed = house.agreed()
    refused("already_decided", house.agree, agreed, Principal(tenant="acme", object_id="cleo"))
    refused("already_decided", house.desk.deny, agreed.id, agreed.digest, ANNA, reason="after all not", now=NOW)
    refused("already_requested", house.ask)
    assert house.events() == ["retirement_requested", "retirement_approved"]


def test_the_same_request_again_is_the_same_and_another_one_is_refused(house: House) -> None:
    asked = house.ask()
    assert house.ask() == asked
    refused("already_requested", house.ask, by=BEN)
    refused("already_requested", house.ask, reason="for another reason altogether")
    assert house.events() == ["retirement_requested"]


def test_a_denied_request_is_carried_out_by_nobody_and_may_be_asked_for_anew(house: House) -> None:
    asked = house.ask()
    denied = house.desk.deny(asked.id, asked.digest, BEN, reason="it is needed", now=NOW).retirement
    assert house.carry_on(denied) == denied
    assert pulls(house.store)
    again = house.ask(by=BEN)
    assert (again.round, again.id, again.state) == (2, asked.id, RetirementState.REQUESTED)
    refused("self_approval", house.agree, again, BEN)


def test_whoever_asked_may_take_it_back(house: House) -> None:
    asked = house.ask()
    assert house.desk.deny(asked.id, asked.digest, ANNA, reason="a mistake", now=NOW).retirement.decided_by == ANNA


@pytest.mark.parametrize("reason", ["", "  ", "todo", "x" * 2001])
def test_a_reason_says_something(house: House, reason: str) -> None:
    with pytest.raises(GateError, match=r"reason|characters"):
        house.ask(reason=reason)
    assert house.events() == []


@pytest.mark.parametrize(
    "place",
    [STAGING.place, f"{HOST}/elsewhere/app", f"{HOST}/release2/app", f"{HOST}/release/../staging/app", "oci:/srv/x"],
)
def test_only_what_lies_in_a_release_place_is_retired(house: House, place: str) -> None:
    refused("not_release", house.ask, place=place)
    refused("not_release", house.run.plan, place, APP.digest, now=NOW)
    assert house.events() == []


def test_force_is_policys_to_allow_when_asked_for_and_when_agreed_on(tmp_path: Path) -> None:
    strict = House(tmp_path, burying())
    refused("force_not_allowed", strict.ask, forced=True)
    lenient = House(tmp_path, burying(), rules(force=True))
    asked = lenient.ask(forced=True)
    refused("force_not_allowed", strict.agree, asked)
    assert lenient.agree(asked).forced


def test_what_nobody_asked_for_can_not_be_agreed_on(house: House) -> None:
    with pytest.raises(NotFoundError):
        house.desk.approve("RTR-nothing", APP.digest, BEN, now=NOW)
    refused("not_retired", house.ask, action=RetirementAction.REINSTATE)


def test_no_value_says_that_one_person_did_it(house: House) -> None:
    asked = house.ask()
    for state in (RetirementState.APPROVED, RetirementState.RETIRED):
        told = {**asked.model_dump(), "state": state, "decided_by": ANNA, "decided_at": NOW}
        with pytest.raises(ValidationError, match="nobody approves their own"):
            Retirement.model_validate(told)
        with pytest.raises(ValidationError, match="somebody decided"):
            Retirement.model_validate({**told, "decided_by": None})
