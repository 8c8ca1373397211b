"""One run in this process: what is recorded when it goes well, when it is held, and when something fails."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from evaluation.worlds import DIGEST, FileWorld, NoExceptions, submission

from gate.account import account_of
from gate.durable import Durable
from gate.errors import ConflictError, NotFoundError, StoreError, UpstreamError
from gate.evaluation import EvaluationWorkflow, Submission, load_evidence
from gate.intake import Intake
from gate.leases import Leases
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.verify import Verified, verify
from gate.model.decision import Outcome
from gate.model.finding import ScanState
from gate.model.principal import Principal
from gate.policy.decide import decide
from gate.store.engine import make_engine, reading, writing
from gate.store.evaluations import FINAL, Evaluations, EvaluationState
from gate.store.schema import upgrade
from gate.store.tables import evaluations

WHO = Principal(tenant="t", object_id="o")


def clock() -> datetime:
    return datetime.now(UTC)


class House:
    """Everything that evaluates, over one database and one world."""

    def __init__(self, folder: Path, world: FileWorld, lease: timedelta = timedelta(seconds=30)) -> None:
        self.world = world
        self.engine = make_engine(f"sqlite:///{folder}/g.sqlite")
        upgrade(self.engine)
        executor = f"test-{uuid.uuid4().hex}"
        self.durable = Durable(self.engine, executor=executor)
        self.leases = Leases(self.engine, owner=executor, length=lease, clock=clock)
        self.workflow = EvaluationWorkflow(
            engine=self.engine,
            durable=self.durable,
            leases=self.leases,
            world=world,
            exceptions=NoExceptions(),
            clock=clock,
        )
        self.intake = Intake(engine=self.engine, durable=self.durable, leases=self.leases, clock=clock)

    def evaluate(self, given: Submission | None = None, **words: Any) -> Any:
        row = self.intake.submit(given or submission(), WHO, **words)
        return self.intake.wait(row.id)

    def events(self, run: str) -> list[str]:
        with reading(self.engine) as connection:
            ledger = LedgerReader(connection)
            assert isinstance(verify(list(ledger.leaves()), ledger.head()), Verified)
            return [entry.record.event.value for entry in ledger.find(LedgerFilter(evaluation=run))]


@contextmanager
def house(folder: Path, world: FileWorld | None = None, **words: Any) -> Iterator[House]:
    made = House(folder, world or FileWorld(folder), **words)
    made.durable.launch(made.workflow.run)
    try:
        yield made
    finally:
        made.durable.close()
        made.engine.dispose()


def test_a_promotion_is_recorded_before_and_after(tmp_path: Path) -> None:
    with house(tmp_path) as gate:
        row = gate.evaluate()
        assert row.state is EvaluationState.PROMOTED
        assert gate.events(row.id) == [
            "evaluation_submitted",
            "digest_resolved",
            "evidence_gathered",
            "decided",
            "promotion_intended",
            "promoted",
        ]
        account = account_of(gate.engine, row.id)
        assert (account.exit_code, account.outcome, account.failure) == (0, Outcome.PROMOTE, None)
        assert account.receipt == {"name": f"promote {submission().ref}"}


def test_a_decision_is_replayed_from_what_was_kept(tmp_path: Path) -> None:
    with house(tmp_path) as gate:
        account = account_of(gate.engine, gate.evaluate().id)
        decision = account.decision
        assert decision is not None
        with reading(gate.engine) as connection:
            evidence = load_evidence(connection, decision.evidence)
        again = decide(evidence, submission().policy, decision.decided_at)
        assert again.canonical() == decision.canonical()


def test_a_discard_is_recorded_before_and_after_and_told(tmp_path: Path) -> None:
    with house(tmp_path, FileWorld(tmp_path, bad=True)) as gate:
        row = gate.evaluate()
        assert gate.events(row.id)[-3:] == ["discard_intended", "discarded", "notified"]
        account = account_of(gate.engine, row.id)
        assert (account.exit_code, account.outcome) == (10, Outcome.DISCARD)
        assert account.reasons[0].code == "direct_url"
        assert (tmp_path / "mail").read_text() == f"{row.id}\n"


class Unscanned(FileWorld):
    def gather(self, *arguments: Any, **words: Any) -> Any:
        found = super().gather(*arguments, **words)
        defender, advisories = found.findings.reports
        pending = defender.model_copy(update={"state": ScanState.PENDING})
        reports = found.findings.model_copy(update={"reports": (pending, advisories)})
        return found.model_copy(update={"findings": reports})


def test_a_hold_touches_nothing_and_the_next_evaluation_counts_from_the_first(tmp_path: Path) -> None:
    with house(tmp_path, Unscanned(tmp_path)) as gate:
        row = gate.evaluate()
        assert row.state is EvaluationState.HELD
        assert gate.events(row.id)[-2:] == ["decided", "held"]
        log = (tmp_path / "log").read_text()
        assert "plan" not in log
        assert "act" not in log
        assert account_of(gate.engine, row.id).exit_code == 11
        again = gate.evaluate()
        assert again.id != row.id
        assert again.first_seen_at == row.first_seen_at


def test_a_source_that_fails_ends_on_record_and_nothing_is_acted_on(tmp_path: Path) -> None:
    with house(tmp_path, FileWorld(tmp_path, fail="gather")) as gate:
        row = gate.evaluate()
        assert row.state is EvaluationState.FAILED
        assert gate.events(row.id) == ["evaluation_submitted", "digest_resolved", "failed"]
        account = account_of(gate.engine, row.id)
        assert (account.exit_code, account.outcome) == (12, None)
        assert account.failure is not None
        assert account.failure.code == "upstream_failed"


def test_an_unforeseen_failure_while_acting_is_on_record_after_the_intent(tmp_path: Path) -> None:
    with house(tmp_path, FileWorld(tmp_path, fail="act")) as gate:
        row = gate.evaluate()
        assert gate.events(row.id)[-2:] == ["promotion_intended", "failed"]
        account = account_of(gate.engine, row.id)
        assert account.failure is not None
        assert account.failure.code == "unforeseen"
        assert account.exit_code == 12
        assert "unforeseen" not in account.failure.message.split(":")[-1]  # the error's own text is not shown


class NoPlan(FileWorld):
    def plan(self, *arguments: Any) -> Any:
        del arguments
        message = "the tag is taken"
        raise ConflictError(message, code="tag_taken")


def test_a_plan_that_is_refused_is_a_failure_without_an_intent(tmp_path: Path) -> None:
    with house(tmp_path, NoPlan(tmp_path)) as gate:
        row = gate.evaluate()
        assert gate.events(row.id)[-2:] == ["decided", "failed"]
        assert row.error_code == "tag_taken"
        assert not list((tmp_path / "release").iterdir())


class Deaf(FileWorld):
    def tell(self, *arguments: Any) -> str:
        del arguments
        return "not_delivered"


def test_a_message_that_was_not_delivered_is_on_record_and_undoes_nothing(tmp_path: Path) -> None:
    with house(tmp_path, Deaf(tmp_path, bad=True)) as gate:
        row = gate.evaluate()
        assert row.state is EvaluationState.DISCARDED
        assert gate.events(row.id)[-1] == "notification_failed"


class Waiting(FileWorld):
    """Gathers when it is let go, so that a second submission comes while the first is under way."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached, self.go = threading.Event(), threading.Event()

    def gather(self, *arguments: Any, **words: Any) -> Any:
        self.reached.set()
        assert self.go.wait(30)
        return super().gather(*arguments, **words)


def test_the_same_submission_joins_the_run_that_is_under_way(tmp_path: Path) -> None:
    world = Waiting(tmp_path)
    with house(tmp_path, world, lease=timedelta(seconds=1)) as gate:
        first = gate.intake.submit(submission(), WHO)
        assert world.reached.wait(30)
        second = gate.intake.submit(submission(), Principal(tenant="t", object_id="other"))
        other = gate.intake.submit(submission("sha256:" + "7" * 64), WHO)
        assert second.id == first.id
        assert second.attempt == 1
        assert other.id != first.id
        threading.Event().wait(1.5)  # longer than a lease: the holder renews it, and nobody adopts
        assert gate.intake.sweep() == 0
        world.go.set()
        assert gate.intake.wait(first.id).state is EvaluationState.PROMOTED
        assert gate.intake.wait(other.id).state is EvaluationState.PROMOTED
        assert gate.events(first.id).count("promoted") == 1
        assert "adopted" not in gate.events(first.id)


def test_waiting_ends_early_when_asked(tmp_path: Path) -> None:
    world = Waiting(tmp_path)
    with house(tmp_path, world) as gate:
        row = gate.intake.submit(submission(), WHO)
        assert gate.intake.wait(row.id, until=lambda: True).state is EvaluationState.SUBMITTED
        assert account_of(gate.engine, row.id).exit_code == 11
        world.go.set()
        gate.intake.wait(row.id)


def test_a_run_id_that_was_used_answers_the_same_run_and_refuses_another_content(tmp_path: Path) -> None:
    with house(tmp_path) as gate:
        first = gate.evaluate(run="EVL-fixed")
        again = gate.intake.submit(submission(), WHO, run="EVL-fixed")
        assert (first.id, again.id, again.state) == ("EVL-fixed", "EVL-fixed", EvaluationState.PROMOTED)
        assert gate.events("EVL-fixed").count("evaluation_submitted") == 1
        with pytest.raises(ConflictError) as refused:
            gate.intake.submit(submission("sha256:" + "8" * 64), WHO, run="EVL-fixed")
        assert refused.value.error_code == "idempotency_mismatch"


def test_a_lapsed_run_is_swept_up_and_finished(tmp_path: Path) -> None:
    with house(tmp_path) as gate:
        row = gate.evaluate()
        lapsed = {"state": "submitted", "lease_owner": "dead", "lease_expires_at": "2020-01-01T00:00:00.000000Z"}
        with writing(gate.engine) as connection:
            connection.execute(
                sa.insert(evaluations).values(
                    **{
                        **connection.execute(sa.select(evaluations)).mappings().one(),
                        **lapsed,
                        "id": "EVL-orphan",
                        "decision_digest": "",
                        "outcome": "",
                        "finished_at": "",
                    }
                )
            )
        assert gate.intake.sweep() == 1
        assert gate.intake.wait("EVL-orphan").state is EvaluationState.PROMOTED
        assert gate.events("EVL-orphan")[0] == "adopted"
        assert row.id != "EVL-orphan"


def test_waiting_for_a_lapsed_run_of_somebody_else_adopts_it(tmp_path: Path) -> None:
    with house(tmp_path) as gate:
        gate.evaluate()
        with writing(gate.engine) as connection:
            row = dict(connection.execute(sa.select(evaluations)).mappings().one())
            row |= {"id": "EVL-orphan", "state": "acting", "lease_owner": "dead"}
            row |= {"lease_expires_at": "2020-01-01T00:00:00.000000Z", "decision_digest": "", "outcome": ""}
            connection.execute(sa.insert(evaluations).values(row))
        assert gate.intake.wait("EVL-orphan").attempt == 2


def test_what_could_not_be_taken_in_is_on_record(tmp_path: Path) -> None:
    with house(tmp_path) as gate:
        error = UpstreamError("the registry answered 500")
        run = gate.intake.refuse("registry.example/staging/app", "1", WHO, error)
        assert gate.events(run) == ["failed"]
        with pytest.raises(NotFoundError):
            account_of(gate.engine, run)


class Losing(FileWorld):
    """Loses its run to somebody else while it works."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.house: House | None = None

    def plan(self, *arguments: Any) -> Any:
        assert self.house is not None
        with writing(self.house.engine) as connection:
            lost = {"lease_owner": "other", "attempt": 2, "lease_expires_at": "2999-01-01T00:00:00.000000Z"}
            connection.execute(sa.update(evaluations).values(**lost))
        return super().plan(*arguments)


def test_a_worker_that_lost_its_run_changes_nothing_more(tmp_path: Path) -> None:
    world = Losing(tmp_path)
    with house(tmp_path, world) as gate:
        world.house = gate
        row = gate.intake.submit(submission(), WHO)
        while not gate.durable.broken(row.id, attempt=1):
            threading.Event().wait(0.05)
        assert gate.events(row.id)[-1] == "decided"
        assert not list((tmp_path / "release").iterdir())


def test_a_run_that_broke_off_is_said_to_its_waiter_and_can_be_gone_on_with(tmp_path: Path) -> None:
    class Broken(FileWorld):
        broken = True

        def gather(self, *arguments: Any, **words: Any) -> Any:
            if self.broken:
                message = "the disk is full"
                raise StoreError(message)
            return super().gather(*arguments, **words)

    world = Broken(tmp_path)
    with house(tmp_path, world, lease=timedelta(seconds=0.5)) as gate:
        row = gate.intake.submit(submission(), WHO)
        with pytest.raises(StoreError) as broken:
            gate.intake.wait(row.id)
        assert broken.value.error_code == "evaluation_broken"
        world.broken = False
        threading.Event().wait(0.6)
        again = gate.evaluate()
        assert (again.id, again.state, again.attempt) == (row.id, EvaluationState.PROMOTED, 2)


def test_an_engine_that_was_not_launched_begins_nothing(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/g.sqlite")
    upgrade(engine)
    durable = Durable(engine, executor="x")
    with pytest.raises(ConflictError):
        durable.start("EVL-1")
    with pytest.raises(ConflictError):
        durable.transaction("name", lambda connection: {"connection": str(connection)})
    engine.dispose()


def test_a_run_without_its_submission_is_refused(tmp_path: Path) -> None:
    with house(tmp_path) as gate:
        row = gate.evaluate()
        with writing(gate.engine) as connection:
            kept = dict(connection.execute(sa.select(evaluations)).mappings().one())
            kept |= {"id": "EVL-empty", "policy_digest": "", "state": "submitted", "lease_owner": "dead"}
            kept |= {"lease_expires_at": "2020-01-01T00:00:00.000000Z", "key": "k"}
            connection.execute(sa.insert(evaluations).values(kept))
        assert gate.intake.sweep() == 1
        with pytest.raises(StoreError):
            gate.intake.wait("EVL-empty")
        with reading(gate.engine) as connection:
            assert Evaluations(connection).get(row.id).state is EvaluationState.PROMOTED


def test_digests_of_the_world_are_one_digest_from_start_to_end(tmp_path: Path) -> None:
    with house(tmp_path) as gate:
        account = account_of(gate.engine, gate.evaluate().id)
        assert account.decision is not None
        assert account.digest == account.decision.subject == DIGEST


def test_a_run_that_this_process_does_not_have_has_no_attempt(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/g.sqlite")
    leases = Leases(engine, owner="x", length=timedelta(seconds=1), clock=clock)
    with pytest.raises(ConflictError) as lost:
        leases.attempt("EVL-1")
    assert lost.value.error_code == "evaluation_lost"
    engine.dispose()


def test_a_beat_that_finds_no_database_is_tried_again_by_the_next(tmp_path: Path) -> None:
    world = Waiting(tmp_path)
    with house(tmp_path, world, lease=timedelta(seconds=0.8)) as gate:
        row = gate.intake.submit(submission(), WHO)
        assert world.reached.wait(30)
        (tmp_path / "g.sqlite").rename(tmp_path / "away.sqlite")
        gate.engine.dispose()
        threading.Event().wait(0.5)
        (tmp_path / "away.sqlite").rename(tmp_path / "g.sqlite")
        world.go.set()
        while gate.intake.wait(row.id, until=lambda: True).state not in FINAL:
            threading.Event().wait(0.1)
        assert account_of(gate.engine, row.id).exit_code == 0
