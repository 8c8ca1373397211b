"""Clocks that are wrong, and evidence whose time runs out: nothing from the future is fresh, nothing begins anew."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from data.osv_records import affected, record
from evaluation.test_evaluation_again import Gate, Later, grant, released
from evaluation.worlds import DIGEST, NOW, evidence, policy, sources, submission
from findings.findings_world import component, image
from findings.test_findings_attacks import imported

from gate.findings.advisories.fixes import imported_advisories
from gate.findings.advisories.source import AdvisorySource
from gate.findings.facts import WithFacts
from gate.model.decision import Decision, Outcome
from gate.model.exception import Justification, Waived
from gate.model.finding import Finding, FindingSeverity, ScanState, SourceReport
from gate.policy.decide import decide
from gate.policy.evidence import ExploitedPolicy
from gate.store.engine import make_engine
from gate.store.evaluations import EvaluationState
from gate.store.fixes import StoredFixes
from gate.store.schema import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from gate.model.evidence import Evidence

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def dated(at: datetime, *, also: bool = False) -> Evidence:
    """Return good evidence whose advisories, or whose list of exploited, are of another time."""
    scan, audit = sources(DIGEST, NOW)
    assert audit.data is not None
    if also:
        changed = {"also": (audit.also[0].model_copy(update={"published_at": at}),)}
    else:
        changed = {"data": audit.data.model_copy(update={"published_at": at})}  # type: ignore[dict-item]  # one field or the other
    return evidence(submission(), (), submitted_at=NOW, now=NOW, reports=(scan, audit.model_copy(update=changed)))


def codes(decision: Decision, rule: str) -> list[str]:
    return [one.code for one in decision.results if one.rule == rule]


@pytest.mark.parametrize("ahead", [HOUR + timedelta(seconds=1), DAY, 4000 * DAY])
def test_advisories_of_tomorrow_hold_and_never_grow_fresh_for_ever(ahead: timedelta) -> None:
    decision = decide(dated(NOW + ahead), policy(), NOW)
    assert decision.outcome is Outcome.HOLD
    assert codes(decision, "advisories-complete") == ["advisories_from_the_future"]
    assert decision.missing == ("advisories",)


def test_an_hour_between_two_clocks_is_borne() -> None:
    assert decide(dated(NOW + HOUR), policy(), NOW).outcome is Outcome.PROMOTE


@pytest.mark.parametrize(("required", "outcome"), [(True, Outcome.HOLD), (False, Outcome.PROMOTE)])
def test_a_list_of_exploited_of_tomorrow_is_none(required: bool, outcome: Outcome) -> None:
    known = policy()
    findings = known.decision.findings.model_copy(update={"exploited": ExploitedPolicy(required=required)})
    strict = known.model_copy(update={"decision": known.decision.model_copy(update={"findings": findings})})
    decision = decide(dated(NOW + DAY, also=True), strict, NOW)
    assert decision.outcome is outcome
    assert codes(decision, "reference-data") == ["from_the_future"]


def test_advisories_of_tomorrow_waive_no_cooling_off(tmp_path: Path) -> None:
    kept, findings = imported(tmp_path, record()), policy().decision.findings
    published = kept.snapshots()[0].snapshot.published_at
    assert imported_advisories(kept, findings, published + DAY) is not None
    assert imported_advisories(kept, findings, published - DAY) is None
    assert imported_advisories(kept, findings, published + 400 * DAY) is None


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path / 'gate.sqlite'}")
    upgrade(made)
    yield made
    made.dispose()


class Told:
    """A source that tells of one vulnerability, with a fix or without."""

    name = "defender"

    def __init__(self, *fixed: str) -> None:
        self.fixed = fixed

    def report(self, inventory: Any, *, now: datetime) -> SourceReport:
        found = Finding(
            ids=("CVE-1",), component="six", version="1", severity=FindingSeverity.HIGH, fixed_in=self.fixed
        )
        subject = inventory.image.digest
        return SourceReport(
            source=self.name, subject=subject, state=ScanState.FINDINGS, scanned_at=now, findings=(found,)
        )


def test_a_fix_that_came_and_went_and_came_again_has_the_grace_of_its_first_day(engine: Engine, tmp_path: Path) -> None:
    data, fixes = imported(tmp_path, record()), StoredFixes(engine)

    def seen(at: datetime, *fixed: str) -> datetime | None:
        return WithFacts(Told(*fixed), data=data, fixes=fixes).report(image(), now=at).findings[0].fix_seen_at

    assert seen(NOW, "2.0") == NOW
    assert seen(NOW + DAY) is None
    assert seen(NOW + 9 * DAY, "2.1") == NOW


def test_a_fix_that_a_record_dates_earlier_has_that_date_for_every_source_and_for_good(
    engine: Engine, tmp_path: Path
) -> None:
    data, fixes = imported(tmp_path, record("CVE-1", "six", aliases=[])), StoredFixes(engine)
    dated = WithFacts(AdvisorySource(data), data=data, fixes=fixes).report(image(component("six", "1")), now=NOW)
    (first,) = dated.findings
    assert first.fix_seen_at is not None
    assert first.fix_seen_at < NOW - 20 * DAY
    undated = WithFacts(Told("1.5"), data=data, fixes=fixes).report(image(), now=NOW + DAY)
    assert undated.findings[0].fix_seen_at == first.fix_seen_at


def test_a_clock_that_ran_ahead_once_gives_no_later_image_a_longer_grace(engine: Engine, tmp_path: Path) -> None:
    data, fixes = imported(tmp_path, record()), StoredFixes(engine)
    ahead = WithFacts(Told("2.0"), data=data, fixes=fixes).report(image(), now=NOW + 900 * DAY)
    told = WithFacts(Told("2.0"), data=data, fixes=fixes).report(image(), now=NOW)
    assert ahead.findings[0].fix_seen_at == told.findings[0].fix_seen_at == NOW + 900 * DAY
    scan, audit = sources(DIGEST, NOW)
    scan = scan.model_copy(update={"state": ScanState.FINDINGS, "findings": told.findings})
    known = policy()
    graced = known.decision.findings.model_copy(update={"grace": {FindingSeverity.HIGH: 7 * DAY}})
    lenient = known.model_copy(update={"decision": known.decision.model_copy(update={"findings": graced})})
    made = evidence(submission(), (), submitted_at=NOW, now=NOW, reports=(scan, audit))
    assert codes(decide(made, lenient, NOW), "findings") == ["vulnerable"]


def waiver(expires: datetime, vulnerability: str) -> Any:
    why = Waived(vulnerability=vulnerability, justification=Justification.CODE_NOT_EXECUTED)
    return grant(expires).model_copy(
        update={"id": "GRT-w", "name": "openssl", "version": "1", "files": (), "waives": why}
    )


class Vulnerable(Later):
    """A world whose image has one vulnerability from the beginning."""

    def gather(self, *arguments: Any, **words: Any) -> Evidence:
        found = super().gather(*arguments, **words)
        scan, audit = found.findings.reports
        scan = scan.model_copy(update={"state": ScanState.FINDINGS, "findings": (SHOWN,)})
        return found.model_copy(update={"findings": found.findings.model_copy(update={"reports": (scan, audit)})})


SHOWN = Finding(ids=("PYSEC-1", "CVE-1", "GHSA-1"), component="openssl", version="1", severity=FindingSeverity.CRITICAL)


@pytest.mark.parametrize(
    ("slept", "state"),
    [(timedelta(0), EvaluationState.PROMOTED), (HOUR, EvaluationState.DISCARDED)],
    ids=["in-force", "ended-to-the-second"],
)
def test_a_waiver_that_ends_between_decision_and_act_stops_the_promotion(
    tmp_path: Path, slept: timedelta, state: EvaluationState
) -> None:
    world = Vulnerable(tmp_path)
    gate = Gate(tmp_path, world)
    end = world.now() + HOUR
    gate.exceptions.grants = [grant(world.now() + 9 * DAY), waiver(end, "ghsa-1")]

    def sleep(world: Later) -> None:
        world.skip = slept

    row = gate.run(sleep)
    assert row.state is state
    assert bool(released(tmp_path)) == (state is EvaluationState.PROMOTED)


def test_a_waiver_holds_by_the_alias_of_an_alias_and_for_no_other_vulnerability(tmp_path: Path) -> None:
    kept = imported(
        tmp_path,
        record("PYSEC-1", aliases=["GHSA-1"]),
        record("GHSA-1", aliases=["CVE-1"], affected=[affected("example-gpu")]),
        record("PYSEC-2", aliases=["CVE-2"]),
    )
    told = AdvisorySource(kept).report(image(component("example", "1.0")), now=NOW)
    scan, audit = sources(DIGEST, NOW)
    audit = audit.model_copy(update={"state": ScanState.FINDINGS, "findings": told.findings})
    place = submission().ref.place
    covering = waiver(NOW + DAY, "cve-1").model_copy(
        update={"name": "example", "version": "1.0", "not_before": NOW - DAY}
    )
    covering = covering.model_copy(update={"scope": covering.scope.model_copy(update={"repositories": (place,)})})
    made = evidence(submission(), (covering,), submitted_at=NOW, now=NOW, reports=(scan, audit))
    decision = decide(made, policy(), NOW)
    assert codes(decision, "findings") == ["waived", "vulnerable"]
    assert decision.outcome is Outcome.DISCARD
