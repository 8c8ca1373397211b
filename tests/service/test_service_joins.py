"""Whoever submits what is under way gets the run that is under way, however many they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from service.inprocess import ALICE, BOB, TestClient, application, events, submission
from service.live import Live

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
        yield client, Held


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
    open_yet = client.get(f"/v1/evaluations/{run}", params={"wait": 0.3}).json()
    assert (open_yet["state"], open_yet["outcome"], open_yet["exit_code"]) == ("submitted", None, 11)
    world.go.set()
    assert client.get(f"/v1/evaluations/{run}", params={"wait": 30}).json()["state"] == "held"
    assert events(ground, run).count("evaluation_submitted") == 1
