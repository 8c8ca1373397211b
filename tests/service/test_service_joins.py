"""Whoever submits what is under way gets the run that is under way, however many they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from service.inprocess import ALICE, BOB, TestClient, application, events, problem, submission
from service.live import Live

from gate.scans import LedgeredScans
from gate.store.engine import make_engine, reading
from gate.store.tables import evaluations, submissions
from gate.world import RealWorld


class Held(RealWorld):
    """Gathers when it is let go, so that submissions come while a run is under way."""

    reached, go = threading.Event(), threading.Event()

    def gather(self, *arguments: Any, **words: Any) -> Any:
        self.reached.set()
        assert self.go.wait(30)
        return super().gather(*arguments, **words)


@pytest.fixture
def held(ground: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestClient, type[Held]]]:
    monkeypatch.setattr("gate.world.RealWorld", Held)
    Held.reached.clear()
    Held.go.clear()
    with application(ground) as client:
        try:
            yield client, Held
        finally:
            Held.go.set()


def asked_for(live: Live, digest: str) -> frozenset[str]:
    engine = make_engine(f"sqlite:///{live.folder}/home/gate.sqlite")
    found = LedgeredScans(engine, most_bytes=1).judged(digest)
    engine.dispose()
    return found


def runs_of(live: Live, digest: str) -> list[str]:
    engine = make_engine(f"sqlite:///{live.folder}/home/gate.sqlite")
    with reading(engine) as connection:
        found = list(connection.scalars(sa.select(evaluations.c.id).where(evaluations.c.digest == digest)))
    engine.dispose()
    return found


def test_many_who_submit_the_same_image_at_once_get_one_evaluation(
    held: tuple[TestClient, type[Held]], ground: Live
) -> None:
    client, world = held
    ground.push("joined", scanned=False)
    body = submission(ground, "joined")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/evaluations", json=body, headers=ALICE), range(6)))
    assert world.reached.wait(30)
    (run,) = {answer.json()["id"] for answer in answers}
    keyed = client.post("/v1/evaluations", json=body, headers={**BOB, "Idempotency-Key": "two"})
    assert keyed.json()["id"] == run
    assert asked_for(ground, keyed.json()["digest"]) == {"contoso/alice", "contoso/bob"}
    open_yet = client.get(f"/v1/evaluations/{run}", params={"wait": 0.3}).json()
    assert (open_yet["state"], open_yet["outcome"], open_yet["exit_code"]) == ("submitted", None, 11)
    world.go.set()
    assert client.get(f"/v1/evaluations/{run}", params={"wait": 30}).json()["state"] == "held"
    assert events(ground, run).count("evaluation_submitted") == 1


def test_the_key_of_a_joining_submission_is_that_evaluation_for_ever(
    held: tuple[TestClient, type[Held]], ground: Live
) -> None:
    client, world = held
    ref = ground.push("kept", scanned=False, fresh=True)
    begun = client.post("/v1/evaluations", json=submission(ground, "kept"), headers={**ALICE, "Idempotency-Key": "a"})
    assert world.reached.wait(30)
    by_digest = submission(ground, "kept") | {"image": f"oci:{ground.staging}@{ref.digest}"}
    keyed = {**BOB, "Idempotency-Key": "b"}
    joined = client.post("/v1/evaluations", json=by_digest, headers=keyed)
    assert joined.json()["id"] == begun.json()["id"]
    assert client.post("/v1/evaluations", json=by_digest, headers=keyed).json()["id"] == begun.json()["id"]
    world.go.set()
    assert client.get(joined.headers["Location"], params={"wait": 30}).json()["state"] == "held"

    again = client.post("/v1/evaluations", json=by_digest, headers=keyed)
    assert (again.json()["id"], again.json()["state"]) == (begun.json()["id"], "held")
    assert len(runs_of(ground, str(ref.digest))) == 1
    other = client.post("/v1/evaluations", json=submission(ground, "kept"), headers=keyed)
    problem(other, 409, "idempotency_mismatch")  # the tag is not what this key named
    assert len(runs_of(ground, str(ref.digest))) == 1
    fresh = client.post("/v1/evaluations", json=by_digest, headers={**ALICE, "Idempotency-Key": "b"})
    assert fresh.json()["id"] != begun.json()["id"]  # the same key of somebody else is another key


def test_who_joins_without_a_key_asked_for_it_too_once(held: tuple[TestClient, type[Held]], ground: Live) -> None:
    client, world = held
    ref = ground.push("asked", scanned=False, fresh=True)
    body = submission(ground, "asked")
    for who in (ALICE, BOB, BOB, ALICE):
        client.post("/v1/evaluations", json=body, headers=who)
    assert world.reached.wait(30)
    assert asked_for(ground, str(ref.digest)) == {"contoso/alice", "contoso/bob"}
    engine = make_engine(f"sqlite:///{ground.folder}/home/gate.sqlite")
    with reading(engine) as connection:
        (run,) = runs_of(ground, str(ref.digest))
        kept = connection.execute(sa.select(submissions).where(submissions.c.evaluation == run)).all()
    engine.dispose()
    assert len(kept) == 1
