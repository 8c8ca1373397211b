"""Held images are looked at again: on news, after a while, at the deadline; and they cost no thread while they wait."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from evaluation.test_evaluation_run import House, house
from evaluation.worlds import FileWorld, evidence, sources, submission

from gate.errors import UpstreamError
from gate.model.finding import ScanState, SourceReport
from gate.model.image import ImageRef
from gate.revisit import NoNews, Pace, Revisits
from gate.store.engine import reading
from gate.store.evaluations import Evaluations, EvaluationState
from gate.store.tables import evaluations

DIGESTS = ["sha256:" + f"{number:064x}" for number in range(1, 4)]


class Scanner(FileWorld):
    """Reports an image as not scanned until its digest is put into `scanned`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.scanned: set[str] = set()

    def gather(self, given: Any, grants: Any, *, submitted_at: datetime, now: datetime) -> Any:
        digest = str(given.ref.digest)
        clean, audit = sources(digest, now)
        unknown = SourceReport(source="defender", subject=digest, state=ScanState.NOT_SCANNED)
        reports = (clean if digest in self.scanned else unknown, audit)
        return evidence(given, grants, submitted_at=submitted_at, now=now, reports=reports)


class Told:
    """News of the digests in `new`; keeps what it was asked about. `broken` makes it fail."""

    def __init__(self) -> None:
        self.new: set[str] = set()
        self.asked: list[list[str]] = []
        self.broken = False

    def of(self, refs: Sequence[ImageRef]) -> frozenset[str]:
        self.asked.append([str(ref.digest) for ref in refs])
        if self.broken:
            message = "Resource Graph does not answer"
            raise UpstreamError(message)
        return frozenset(self.new)


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def revisits(gate: House, news: Told | NoNews, clock: Clock) -> Revisits:
    return Revisits(engine=gate.engine, intake=gate.intake, news=news, clock=clock, pace=Pace(most=2))


def hold(gate: House, *digests: str) -> None:
    for digest in digests:
        row = gate.evaluate(submission(digest))
        assert row.state is EvaluationState.HELD


def states(gate: House, digest: str) -> list[EvaluationState]:
    with reading(gate.engine) as connection:
        rows = connection.execute(
            sa.select(evaluations.c.id).where(evaluations.c.digest == digest).order_by(evaluations.c.submitted_at)
        )
        return [gate.intake.wait(run).state for run in rows.scalars()]


def test_an_image_with_news_is_looked_at_again_and_one_without_is_left(tmp_path: Path) -> None:
    world, news, clock = Scanner(tmp_path), Told(), Clock()
    with house(tmp_path, world) as gate:
        hold(gate, *DIGESTS[:2])
        again = revisits(gate, news, clock)
        assert again.once() == 0, "nothing is asked so early"
        assert news.asked == []
        clock.ahead = timedelta(minutes=6)
        news.new = {DIGESTS[0]}
        world.scanned = set(DIGESTS)
        assert again.once() == 1
        assert news.asked == [DIGESTS[:2]]
        assert states(gate, DIGESTS[0]) == [EvaluationState.HELD, EvaluationState.PROMOTED]
        assert states(gate, DIGESTS[1]) == [EvaluationState.HELD]


def test_news_prove_nothing_the_new_run_looks_for_itself(tmp_path: Path) -> None:
    news, clock = Told(), Clock()
    with house(tmp_path, Scanner(tmp_path)) as gate:
        hold(gate, DIGESTS[0])
        clock.ahead, news.new = timedelta(minutes=6), {DIGESTS[0]}
        assert revisits(gate, news, clock).once() == 1
        assert states(gate, DIGESTS[0]) == [EvaluationState.HELD, EvaluationState.HELD]


def test_the_longer_an_image_waits_the_more_rarely_it_is_asked_about(tmp_path: Path) -> None:
    news, clock = Told(), Clock()
    with house(tmp_path, Scanner(tmp_path)) as gate:
        hold(gate, DIGESTS[0])
        again = revisits(gate, news, clock)
        for minutes in range(58):
            clock.ahead = timedelta(minutes=minutes)
            assert again.once() == 0
        assert len(news.asked) <= 8


def test_without_news_a_held_image_is_looked_at_again_after_an_hour_for_it_may_wait_for_something_else(
    tmp_path: Path,
) -> None:
    world, clock = Scanner(tmp_path), Clock()
    with house(tmp_path, world) as gate:
        hold(gate, DIGESTS[0])
        world.scanned = set(DIGESTS)
        again = revisits(gate, NoNews(), clock)
        clock.ahead = timedelta(minutes=50)
        assert again.once() == 0
        clock.ahead = timedelta(minutes=70)
        assert again.once() == 1
        assert states(gate, DIGESTS[0])[-1] is EvaluationState.PROMOTED


def test_a_source_of_news_that_fails_loses_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    news, clock = Told(), Clock()
    news.broken = True
    with house(tmp_path, Scanner(tmp_path)) as gate:
        hold(gate, DIGESTS[0])
        again = revisits(gate, news, clock)
        clock.ahead = timedelta(minutes=6)
        assert again.once() == 0
        assert "no news of 1 waiting images" in caplog.text
        clock.ahead = timedelta(minutes=70)
        assert again.once() == 1


def test_past_the_deadline_an_image_is_looked_at_once_more_whatever_the_news(tmp_path: Path) -> None:
    news, clock = Told(), Clock()
    with house(tmp_path, Scanner(tmp_path)) as gate:
        hold(gate, DIGESTS[0])
        clock.ahead = timedelta(hours=25)
        assert revisits(gate, news, clock).once() == 1
        assert news.asked == []
        assert len(states(gate, DIGESTS[0])) == 2


def test_only_so_many_runs_begin_at_once_and_nobody_is_forgotten(tmp_path: Path) -> None:
    world, clock = Scanner(tmp_path), Clock()
    with house(tmp_path, world) as gate:
        hold(gate, *DIGESTS)
        world.scanned = set(DIGESTS)
        clock.ahead = timedelta(minutes=70)
        again = revisits(gate, NoNews(), clock)
        assert again.once() == 2
        for digest in DIGESTS:
            states(gate, digest)
        assert again.once() == 1
        assert all(states(gate, digest)[-1] is EvaluationState.PROMOTED for digest in DIGESTS)


def test_what_went_on_since_is_waited_for_no_more(tmp_path: Path) -> None:
    world, clock = Scanner(tmp_path), Clock()
    with house(tmp_path, world) as gate:
        hold(gate, *DIGESTS[:2])
        world.scanned = {DIGESTS[0]}
        gate.evaluate(submission(DIGESTS[0]))
        with reading(gate.engine) as connection:
            rows = Evaluations(connection).waiting(since=clock() - timedelta(days=1))
            assert [row.digest for row in rows] == [DIGESTS[1]]
            assert Evaluations(connection).waiting(since=clock() + timedelta(days=1)) == ()


def test_a_run_whose_record_is_broken_is_said_and_the_next_one_begins(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world, clock = Scanner(tmp_path), Clock()
    with house(tmp_path, world) as gate:
        hold(gate, *DIGESTS[:2])
        with gate.engine.begin() as connection:
            connection.execute(
                sa.update(evaluations).where(evaluations.c.digest == DIGESTS[0]).values(environment_digest="")
            )
        clock.ahead = timedelta(minutes=70)
        assert revisits(gate, NoNews(), clock).once() == 1
        assert "could not be looked at again" in caplog.text


def beating() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("lease-")}


def test_waiting_costs_no_thread(tmp_path: Path) -> None:
    with house(tmp_path, Scanner(tmp_path)) as gate:
        hold(gate, *DIGESTS)
        for thread in threading.enumerate():  # a run is held a moment before its heart stops
            if thread.name.startswith("lease-"):
                thread.join(30)
        assert beating() == set()
        with reading(gate.engine) as connection:
            assert len(Evaluations(connection).waiting(since=datetime.now(UTC) - timedelta(days=1))) == 3
