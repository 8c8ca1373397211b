"""`/v1/discards`: what lies hidden is listed page by page; holds are placed and released by whoever may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from evaluation.discard_world import APP, Yard
from registry.contract_images import image
from service.inprocess import TestClient, application, problem
from service.live import Live

from gate.exceptions.remote import CLAIMED
from gate.model.base import format_instant
from gate.store.burials import BurialState
from gate.store.engine import make_engine
from gate.store.schema import upgrade

ALICE = {CLAIMED: "t/alice"}


@dataclass
class Buried:
    """A service over a database in which three images lie buried."""

    client: TestClient
    yard: Yard


@pytest.fixture
def buried(tmp_path: Path) -> Iterator[Buried]:
    engine = make_engine(f"sqlite:///{tmp_path}/gate.sqlite")
    upgrade(engine)
    yard = Yard(engine)
    yard.now = datetime.now(UTC)
    yard.discard(run="EVL-1")
    for number in (2, 3):
        yard.discard(image(f"n{number}"), f"n{number}", run=f"EVL-{number}")
    with application(Live(url="", folder=tmp_path, environ={"GATE_HOME": str(tmp_path)})) as client:
        yield Buried(client, yard)
    engine.dispose()


def test_what_lies_hidden_is_listed_page_by_page(buried: Buried) -> None:
    found, cursor = [], ""
    for _ in range(4):
        answer = buried.client.get("/v1/discards", params={"limit": 1, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["schema"] == "gate.discards/1"
        found += [one["evaluation"] for one in page["discards"]]
        cursor = page["next"]
        if not cursor:
            break
    assert found == ["EVL-1", "EVL-2", "EVL-3"]


def test_a_hold_is_placed_shown_and_released_and_says_who(buried: Buried) -> None:
    asked = {"digest": APP.digest, "reason": "incident 7"}
    placed = buried.client.post("/v1/discards/holds", json=asked, headers=ALICE)
    assert placed.status_code == 201, placed.text
    hold = placed.json()
    assert (hold["placed_by"], hold["reason"], hold["late"]) == ("t/alice", "incident 7", False)
    again = buried.client.post("/v1/discards/holds", json=asked, headers=ALICE)
    assert again.json()["id"] == hold["id"]
    page = buried.client.get("/v1/discards").json()
    assert page["discards"][0]["kept"]["state"] == "held"
    assert [one["id"] for one in page["holds"]] == [hold["id"]]
    released = buried.client.post(f"/v1/discards/holds/{hold['id']}/release", json={"reason": "closed"}, headers=ALICE)
    assert released.json()["released_by"] == "t/alice"
    assert buried.client.get("/v1/discards").json()["holds"] == []


def test_what_can_not_be_held_is_a_problem_with_a_way_out(buried: Buried) -> None:
    def place(**changes: object) -> object:
        body = {"digest": APP.digest, "reason": "x", **changes}
        return buried.client.post("/v1/discards/holds", json=body, headers=ALICE)

    problem(place(digest="sha256:" + "9" * 64), 404, "digest_unknown")  # type: ignore[arg-type]
    yesterday = format_instant(datetime.now(UTC) - timedelta(days=1))
    problem(place(until=yesterday), 400, "hold_ended")  # type: ignore[arg-type]
    problem(place(reason=" "), 422, "reason_missing")  # type: ignore[arg-type]
    nobody = buried.client.post("/v1/discards/holds", json={"digest": APP.digest, "reason": "x"})
    problem(nobody, 403, "identity_missing")
    problem(
        buried.client.post("/v1/discards/holds/HLD-0/release", json={"reason": "x"}, headers=ALICE), 404, "hold_unknown"
    )
    assert buried.client.get("/v1/discards").json()["holds"] == []


def test_what_ended_is_listed_on_request_alone(buried: Buried) -> None:
    buried.yard.now += timedelta(days=30)
    assert buried.yard.gate().once() == 3
    assert buried.yard.burial().state is BurialState.DELETED
    assert buried.client.get("/v1/discards").json()["discards"] == []
    listed = buried.client.get("/v1/discards", params={"ended": True}).json()["discards"]
    assert {one["kept"]["state"] for one in listed} == {"deleted"}
    assert {one["kept"]["recoverable"] for one in listed} == {"unknown"}
