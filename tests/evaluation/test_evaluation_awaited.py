"""What a held run waits for is told by its decision: the images of an index each, under their own digests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from evaluation.index_world import policy_over, push_index, world_over
from evaluation.test_evaluation_revisit import DIGESTS, Clock, Scanner, Told, hold, revisits, states
from evaluation.test_evaluation_run import WHO, House, house
from evaluation.worlds import submission

from gate.evaluation import Submission
from gate.model.finding import ScanState
from gate.registry.layout import OciLayout
from gate.revisit import awaited
from gate.store.blobs import Blobs
from gate.store.engine import reading, writing
from gate.store.evaluations import Evaluations, EvaluationState

if TYPE_CHECKING:
    from pathlib import Path

    from gate.model.image import ImageRef


def children(ref: ImageRef) -> list[str]:
    """Return the images of an index, its attestation left out."""
    import json  # noqa: PLC0415 - beside its one use

    listed = json.loads(OciLayout().manifest(ref).raw)["manifests"]
    return [str(one["digest"]) for one in listed if one["platform"]["os"] != "unknown"]


def held_index(folder: Path, gate: House, ref: ImageRef) -> Any:
    given = Submission(ref=ref, environment=submission().environment, policy=policy_over(folder))
    row = gate.intake.wait(gate.intake.submit(given, WHO).id)
    assert row.state is EvaluationState.HELD
    return row


@pytest.mark.parametrize(
    ("platforms", "unseen"), [(("amd64", "arm64"), (1,)), (("amd64", "arm64"), (0, 1)), (("amd64",), (0,))]
)
def test_each_image_of_an_index_without_proof_is_asked_about_and_no_other(
    tmp_path: Path, platforms: tuple[str, ...], unseen: tuple[int, ...]
) -> None:
    ref = push_index(tmp_path / "staging", "1", dict.fromkeys(platforms, ()))
    images = children(ref)
    waiting = [images[place] for place in unseen]
    news, clock = Told(), Clock()
    world: Any = world_over(tmp_path, waiting)
    with house(tmp_path, world) as gate:
        row = held_index(tmp_path, gate, ref)
        again = revisits(gate, news, clock)
        clock.ahead = timedelta(minutes=6)
        assert again.once() == 0, "no news yet"
        assert [sorted(asked) for asked in news.asked] == [sorted(waiting)]
        assert str(ref.digest) not in news.asked[0]
        clock.ahead, news.new = timedelta(minutes=14), {waiting[-1]}
        assert again.once() == 1
        with reading(gate.engine) as connection:
            newest = Evaluations(connection).waiting(since=clock() - timedelta(days=1))
        assert [one.id for one in newest] != [row.id]


def test_news_about_an_image_of_another_index_begin_nothing(tmp_path: Path) -> None:
    ref = push_index(tmp_path / "staging", "1", {"amd64": (), "arm64": ()})
    news, clock = Told(), Clock()
    world: Any = world_over(tmp_path, children(ref)[1:])
    with house(tmp_path, world) as gate:
        held_index(tmp_path, gate, ref)
        clock.ahead, news.new = timedelta(minutes=6), {str(ref.digest), children(ref)[0], DIGESTS[0]}
        assert revisits(gate, news, clock).once() == 0


class WithoutAdvisories(Scanner):
    """Every image was scanned; advisories are lacking."""

    def gather(self, *arguments: Any, **words: Any) -> Any:
        found = super().gather(*arguments, **words)
        scan, audit = found.findings.reports
        failed = audit.model_copy(update={"state": ScanState.SOURCE_ERROR})
        return found.model_copy(update={"findings": found.findings.model_copy(update={"reports": (scan, failed)})})


def test_who_waits_for_something_else_is_not_asked_about_and_looked_at_after_an_hour(tmp_path: Path) -> None:
    world, news, clock = WithoutAdvisories(tmp_path), Told(), Clock()
    world.scanned = set(DIGESTS)
    with house(tmp_path, world) as gate:
        hold(gate, DIGESTS[0])
        news.new = {DIGESTS[0]}
        again = revisits(gate, news, clock)
        clock.ahead = timedelta(minutes=6)
        assert again.once() == 0
        assert news.asked == []
        clock.ahead = timedelta(minutes=70)
        assert again.once() == 1


class Known(Scanner):
    """Defender has rows of every image, which hold it all the same."""

    state = ScanState.STALE

    def gather(self, *arguments: Any, **words: Any) -> Any:
        found = super().gather(*arguments, **words)
        scan, audit = found.findings.reports
        told = scan.model_copy(update={"state": self.state})
        return found.model_copy(update={"findings": found.findings.model_copy(update={"reports": (told, audit)})})


@pytest.mark.parametrize(
    ("state", "asked"),
    [(ScanState.STALE, 0), (ScanState.UNSUPPORTED, 0), (ScanState.PENDING, 1), (ScanState.SOURCE_ERROR, 1)],
)
def test_rows_that_were_there_before_are_no_news(tmp_path: Path, state: ScanState, asked: int) -> None:
    world, news, clock = Known(tmp_path), Told(), Clock()
    world.state = state
    with house(tmp_path, world) as gate:
        hold(gate, DIGESTS[0])
        news.new, clock.ahead = {DIGESTS[0]}, timedelta(minutes=6)
        assert revisits(gate, news, clock).once() == asked
        assert len(news.asked) == asked


def test_a_record_that_can_not_be_read_is_said_and_the_runs_own_digest_asked_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with house(tmp_path, Scanner(tmp_path)) as gate:
        hold(gate, DIGESTS[0])
        with writing(gate.engine) as connection:
            (row,) = Evaluations(connection).waiting(since=Clock()() - timedelta(days=1))
            for lost in ("sha256:" + "e" * 64, None):
                broken = row.model_copy(update={"decision_digest": lost})
                assert awaited(connection, broken) == {DIGESTS[0]}
            odd = Blobs(connection).put(b'{"results": 1}')
            assert awaited(connection, row.model_copy(update={"decision_digest": odd})) == {DIGESTS[0]}
            assert awaited(connection, row) == {DIGESTS[0]}
    assert caplog.text.count("does not say what it waits for") == 3


def test_a_decision_is_read_once_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    news, clock = Told(), Clock()
    read: list[str] = []

    def counted(connection: Any, row: Any) -> frozenset[str]:
        read.append(row.id)
        return awaited(connection, row)

    monkeypatch.setattr("gate.revisit.awaited", counted)
    with house(tmp_path, Scanner(tmp_path)) as gate:
        hold(gate, *DIGESTS[:2])
        again = revisits(gate, news, clock)
        for minutes in (6, 20, 40):
            clock.ahead = timedelta(minutes=minutes)
            again.once()
        assert len(news.asked) == 3
        assert len(read) == 2
        assert states(gate, DIGESTS[0]) == [EvaluationState.HELD]
