"""The verdict is made anew at the moment of promotion: what changed since the decision stops it, on record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from evaluation.test_evaluation_run import House, clock
from evaluation.worlds import FileWorld, NoExceptions, Step, submission

from gate.account import account_of
from gate.errors import ConflictError, UpstreamError
from gate.evaluation import EvaluationWorkflow, load_evidence
from gate.ledger.audit import verify_database
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.ledger.verify import Verified
from gate.model.decision import Outcome
from gate.model.exception import Grant, GrantedFile, Scope
from gate.model.finding import Finding, FindingSeverity, ScanState
from gate.model.image import Component, Proof, ProofLevel
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.policy.decide import decide
from gate.store.engine import reading
from gate.store.evaluations import EvaluationState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gate.evaluation import Submission
    from gate.model.evidence import Evidence

FILE = GrantedFile(filename="own-1.0-py3-none-any.whl", sha256="sha256:" + "9" * 64, size=9)


def grant(expires: datetime) -> Grant:
    return Grant(
        id="G-1",
        kind=Kind.PYPI,
        name="own",
        version="1.0",
        files=(FILE,),
        scope=Scope(repositories=("registry.example/staging/",)),
        owner=Principal(tenant="t", object_id="owner"),
        approver=Principal(tenant="t", object_id="approver"),
        reason="needed",
        not_before=clock() - timedelta(days=1),
        expires=expires,
    )


@dataclass
class Granting(NoExceptions):
    """An exception workflow whose grants a test changes."""

    grants: list[Grant] = field(default_factory=list)

    def all_grants(self, connection: Any, policy: Any) -> tuple[Grant, ...]:
        del connection, policy
        return tuple(self.grants)


class Later(FileWorld):
    """A world in which something happens between the decision and the act; every component of it is granted."""

    def __init__(self, root: Path, then: Any = None) -> None:
        super().__init__(root)
        self.then = then
        self.reports: Any = None
        self.skip = timedelta()

    def now(self) -> datetime:
        return clock() + self.skip

    def gather(self, *arguments: Any, **words: Any) -> Evidence:
        found = super().gather(*arguments, **words)
        own = Component(
            kind=Kind.PYPI,
            name="own",
            version="1.0",
            path="usr/lib/python3/site-packages/own-1.0.dist-info",
            layer=1,
            proof=Proof(level=ProofLevel.CONTRADICTED, code="not_on_index", grants=("G-1",)),
        )
        return found.model_copy(update={"image": found.image.model_copy(update={"components": (own,)})})

    def plan(self, submission: Submission, decision: Any) -> Any:
        planned = super().plan(submission, decision)
        then, self.then = self.then, None
        if then is not None:
            then(self)
        return planned

    def renew(self, submission: Submission, evidence: Evidence, grants: Sequence[Grant], *, now: datetime) -> Evidence:
        renewed = super().renew(submission, evidence, grants, now=now)
        if self.reports is None:
            return renewed
        reports = tuple(self.reports(report) for report in renewed.findings.reports)
        return renewed.model_copy(update={"findings": renewed.findings.model_copy(update={"reports": reports})})


class Gate(House):
    """A house with grants and a clock that a test moves."""

    def __init__(self, folder: Path, world: Later, **words: Any) -> None:
        super().__init__(folder, world, **words)
        self.exceptions = Granting(grants=[grant(clock() + timedelta(hours=1))])
        self.workflow = EvaluationWorkflow(
            engine=self.engine,
            durable=self.durable,
            leases=self.leases,
            world=world,
            exceptions=self.exceptions,
            clock=world.now,
        )

    def facts(self, run: str, event: Event) -> dict[str, str]:
        with reading(self.engine) as connection:
            return LedgerReader(connection).find(LedgerFilter(evaluation=run, event=event))[-1].record.facts

    def run(self, then: Any = None) -> Any:
        assert isinstance(self.world, Later)
        self.world.then = then
        self.durable.launch(self.workflow.run)
        try:
            return self.evaluate()
        finally:
            self.durable.close()


def released(folder: Path) -> list[str]:
    return [path.name for path in (folder / "release").iterdir()]


def test_nothing_changed_and_the_outcome_names_the_evidence_of_the_second_look(tmp_path: Path) -> None:
    gate = Gate(tmp_path, Later(tmp_path))
    row = gate.run()
    assert row.state is EvaluationState.PROMOTED
    again = gate.facts(row.id, Event.PROMOTED)["evidence"]
    with reading(gate.engine) as connection:
        assert load_evidence(connection, again).subject == row.digest
    assert "reconsidered" not in gate.events(row.id)
    assert released(tmp_path) == [row.digest]


def revoke(gate: Gate) -> Any:
    return lambda _: gate.exceptions.grants.clear()


def test_a_grant_that_was_revoked_between_decision_and_act_stops_the_promotion(tmp_path: Path) -> None:
    gate = Gate(tmp_path, Later(tmp_path))
    row = gate.run(revoke(gate))
    assert row.state is EvaluationState.DISCARDED
    assert released(tmp_path) == []
    assert gate.events(row.id)[3:] == [
        "decided",
        "promotion_intended",
        "reconsidered",
        "discard_intended",
        "discarded",
        "notified",
    ]
    account = account_of(gate.engine, row.id)
    assert (account.exit_code, account.outcome) == (10, Outcome.DISCARD)
    assert account.decision is not None
    assert account.decision.requests
    facts = gate.facts(row.id, Event.RECONSIDERED)
    assert facts["decision"] == account.decision_digest == gate.facts(row.id, Event.DISCARDED)["decision"]
    assert facts["decision"] != gate.facts(row.id, Event.DECIDED)["decision"]
    with reading(gate.engine) as connection:
        assert decide(
            load_evidence(connection, facts["evidence"]), submission().policy, account.decision.decided_at
        ) == (account.decision)
        assert isinstance(verify_database(connection), Verified)


def test_a_grant_that_lapsed_between_decision_and_act_stops_the_promotion(tmp_path: Path) -> None:
    world = Later(tmp_path)
    gate = Gate(tmp_path, world)

    def sleep(world: Later) -> None:
        world.skip = timedelta(hours=1, seconds=1)

    row = gate.run(sleep)
    assert row.state is EvaluationState.DISCARDED
    assert released(tmp_path) == []
    assert "promoted" not in gate.events(row.id)


def test_a_scan_that_grew_too_old_between_decision_and_act_holds(tmp_path: Path) -> None:
    gate = Gate(tmp_path, Later(tmp_path))
    gate.exceptions.grants = [grant(clock() + timedelta(days=60))]

    def sleep(world: Later) -> None:
        world.skip = timedelta(days=8)

    row = gate.run(sleep)
    # The deadline has passed as well by then, so that a hold has become a discard.
    assert row.state is EvaluationState.DISCARDED
    assert released(tmp_path) == []
    assert {reason.code for reason in account_of(gate.engine, row.id).reasons} >= {"not_looked_at_in_time"}


def finding(report: Any) -> Any:
    if report.source != "defender":
        return report
    critical = Finding(
        ids=("CVE-2026-1",),
        component="openssl",
        version="1",
        severity=FindingSeverity.CRITICAL,
    )
    return report.model_copy(update={"state": ScanState.FINDINGS, "findings": (critical,)})


def pending(report: Any) -> Any:
    return report.model_copy(update={"state": ScanState.PENDING}) if report.source == "defender" else report


@pytest.mark.parametrize(
    ("change", "state"),
    [(finding, EvaluationState.DISCARDED), (pending, EvaluationState.HELD)],
    ids=["a-finding-came-in", "the-scan-went-away"],
)
def test_what_a_source_says_now_counts(tmp_path: Path, change: Any, state: EvaluationState) -> None:
    gate = Gate(tmp_path, Later(tmp_path))

    def news(world: Later) -> None:
        world.reports = change

    row = gate.run(news)
    assert row.state is state
    assert released(tmp_path) == []
    assert "promoted" not in gate.events(row.id)
    assert gate.events(row.id).count("reconsidered") == 1


def test_a_source_that_fails_at_the_second_look_promotes_nothing(tmp_path: Path) -> None:
    gate = Gate(tmp_path, Later(tmp_path))

    def broken(report: Any) -> Any:
        message = "the registry answered 500"
        raise UpstreamError(message, facts=report.source)

    def news(world: Later) -> None:
        world.reports = broken

    row = gate.run(news)
    assert (row.state, row.error_code) == (EvaluationState.FAILED, "upstream_failed")
    assert released(tmp_path) == []


class HalfDone(Later):
    """Its promotion is done and its answer lost; the run is then carried on as one that was adopted."""

    def renew(self, submission: Submission, evidence: Evidence, grants: Sequence[Grant], *, now: datetime) -> Evidence:
        digest = str(submission.ref.digest)
        (self.root / "release" / digest).write_text(digest)
        return super().renew(submission, evidence, grants, now=now)


def test_what_a_promotion_brought_before_it_was_denied_is_taken_back_on_record(tmp_path: Path) -> None:
    gate = Gate(tmp_path, HalfDone(tmp_path))
    row = gate.run(revoke(gate))
    assert row.state is EvaluationState.DISCARDED
    assert released(tmp_path) == []
    facts = gate.facts(row.id, Event.DISCARDED)
    assert facts["withdrawal"].startswith("sha256:")


class Stuck(HalfDone):
    def withdraw(self, submission: Submission, plan: bytes) -> Step:
        del submission, plan
        message = "another tag leads to it"
        raise ConflictError(message, code="release_in_use")


def test_what_cannot_be_taken_back_is_no_verdict_but_a_failure_that_says_so(tmp_path: Path) -> None:
    gate = Gate(tmp_path, Stuck(tmp_path))
    row = gate.run(revoke(gate))
    assert (row.state, row.error_code) == (EvaluationState.FAILED, "release_in_use")
    assert account_of(gate.engine, row.id).exit_code == 12
    assert gate.events(row.id)[-2:] == ["reconsidered", "failed"]
