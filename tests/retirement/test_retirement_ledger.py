"""Whoever changes a retirement in the database, and not by two people, is found by whoever verifies the ledger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from retirement.retirement_world import BEN, NOW, House, burying, pulls

from gate.errors import StoreError
from gate.ledger.audit import verify_database
from gate.ledger.verify import Corrupt, Verified
from gate.model.retirement import RetirementState
from gate.retirement.workflow import changed
from gate.store.engine import reading, writing
from gate.store.retirements import Retirements
from gate.store.tables import ledger_private, retirements


def verified(house: House) -> Verified | Corrupt:
    with reading(house.engine) as connection:
        return verify_database(connection)


def test_a_retirement_from_its_request_to_its_end_is_verified(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    agreed = house.ask()
    assert isinstance(verified(house), Verified)
    house.agree(agreed)
    assert isinstance(verified(house), Verified)
    house.carry_on(agreed)
    found = verified(house)
    assert isinstance(found, Verified), found


def forged(house: House) -> None:
    with writing(house.engine) as connection:
        stored = Retirements(connection).listed()[0]
        alone = changed(stored.retirement, RetirementState.APPROVED, decided_by=BEN, decided_at=NOW)
        Retirements(connection).put(alone, version=stored.version)


def restated(house: House) -> None:
    with writing(house.engine) as connection:
        connection.execute(sa.update(retirements).values(state="lifted"))


def moved(house: House) -> None:
    with writing(house.engine) as connection:
        connection.execute(sa.update(retirements).values(place="elsewhere.example.org/release/app"))


def blurred(house: House) -> None:
    with writing(house.engine) as connection:
        connection.execute(sa.update(retirements).values(body="{}"))


def invented(house: House) -> None:
    with writing(house.engine) as connection:
        stored = Retirements(connection).listed()[0].retirement
        Retirements(connection).put(stored.model_copy(update={"id": "RTR-nobody"}), version=0)


def named(house: House) -> None:
    with writing(house.engine) as connection:
        stored = Retirements(connection).listed()[0].retirement
        Retirements(connection).take_tags(stored.model_copy(update={"digest": "sha256:" + "0" * 64}), ["9"])


@pytest.mark.parametrize("tamper", [forged, restated, moved, blurred, invented, named])
def test_whoever_changes_it_alone_is_found(tmp_path: Path, tamper: Callable[[House], None]) -> None:
    house = House(tmp_path, burying())
    house.ask()
    tamper(house)
    found = verified(house)
    assert isinstance(found, Corrupt)
    assert found.code in {"retirement_differs", "retirement_unrecorded"}


def test_what_was_approved_in_the_database_alone_is_not_carried_out(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    asked = house.ask()
    forged(house)
    with pytest.raises(StoreError) as caught:
        house.carry_on(asked)
    assert caught.value.error_code == "retirement_unrecorded"
    assert pulls(house.store)


def test_who_asked_may_be_erased_and_the_rest_still_stands(tmp_path: Path) -> None:
    house = House(tmp_path, burying())
    house.ask()
    with writing(house.engine) as connection:
        connection.execute(sa.delete(ledger_private))
    assert isinstance(verified(house), Verified)
