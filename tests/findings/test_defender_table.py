"""Each row of the table in docs/defender.md, asked through the real libraries, decided by the real rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure_world.sim_gate import DIGEST, NOW, ask, inventory
from evaluation.worlds import evidence, sources, submission
from findings.defender_cases import CASES, Case, Stage, table
from findings.defender_rests import RESTS, TAKEN_AWAY

from gate.findings.defender.none import NoDefender
from gate.model.decision import Decision, Outcome
from gate.model.finding import ScanState
from gate.policy.decide import decide
from gate.policy.rules import ALL

if TYPE_CHECKING:
    from gate.model.decision import RuleResult
    from gate.model.finding import SourceReport
    from gate.policy.rule import Case as RuleCase
    from gate.policy.rule import Explanation, Rule

DOCS = Path(__file__).resolve().parents[2] / "docs" / "defender.md"


@dataclass(frozen=True)
class Raising:
    """A rule that fails in place of another."""

    rule: Rule

    @property
    def id(self) -> str:
        return self.rule.id

    @property
    def title(self) -> str:
        return self.rule.title

    @property
    def codes(self) -> dict[str, Explanation]:
        return dict(self.rule.codes)

    def check(self, case: RuleCase) -> Iterator[RuleResult]:
        raise ZeroDivisionError(case)


def told(case: Case, stage: Stage) -> SourceReport:
    case.arrange(stage)
    return asked(stage)


def asked(stage: Stage) -> SourceReport:
    return ask(stage.world, stage.rules, scans=stage.scans, **stage.settings)  # type: ignore[arg-type]  # settings are text


def decided(report: SourceReport, rules: Sequence[Rule] = ALL, *, waited: timedelta = timedelta(0)) -> Decision:
    given = submission(DIGEST)
    reports = (report, sources(DIGEST, NOW)[1])
    made = evidence(given, (), submitted_at=NOW - waited, now=NOW, reports=reports)
    return decide(made, given.policy, NOW, rules)


def as_told(case: Case, decision: Decision) -> bool:
    said = {f"{result.rule}[{result.code}]" for result in decision.results}
    return decision.outcome is case.outcome and case.decides in said


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_row_decides_as_the_table_says_and_by_no_default(case: Case, stage: Stage) -> None:
    report = told(case, stage)
    assert report.state is case.state, report.message
    assert (report.subject, report.recorded) == (DIGEST, False)
    assert as_told(case, decided(report))
    # Only a finished scan hands findings on; whatever else there was is not half believed.
    assert not report.findings or report.state is ScanState.FINDINGS
    responsible = case.decides.partition("[")[0]
    without = [rule for rule in ALL if rule.id != responsible]
    assert not as_told(case, decided(report, without)), "the row passes without its rule"
    raising = [Raising(rule) if rule.id == responsible else rule for rule in ALL]
    raised = decided(report, raising)
    assert not as_told(case, raised), "the row passes while its rule fails"
    assert raised.outcome is not Outcome.PROMOTE


def says(case: Case, report: SourceReport) -> bool:
    """Say whether a report is the row's: its state, its decision, and its own words on what that rests on."""
    words = RESTS[case.id].says in f"{report.proof} {report.message}"
    return words and report.state is case.state and as_told(case, decided(report))


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_row_whose_cause_is_taken_away_says_something_else(case: Case, stage: Stage) -> None:
    assert says(case, told(case, stage))
    assert any(one.endswith("/oauth2/v2.0/token") for one in stage.world.asked)
    TAKEN_AWAY[RESTS[case.id].on](stage)
    assert not says(case, asked(stage)), "the row says the same without having looked"


@pytest.mark.parametrize(
    "case", [case for case in CASES if RESTS[case.id].on in {"absence", "faults"}], ids=attrgetter("id")
)
def test_what_is_held_for_want_of_something_is_decided_with_it(case: Case, stage: Stage) -> None:
    told(case, stage)
    TAKEN_AWAY["faults"](stage)
    TAKEN_AWAY["absence"](stage)
    report = asked(stage)
    assert report.state in {ScanState.CLEAN, ScanState.FINDINGS}, report.message
    assert decided(report).outcome is (Outcome.DISCARD if case.id == "foreign-page" else Outcome.PROMOTE)


@pytest.mark.parametrize("case", [case for case in CASES if case.state is not ScanState.CLEAN], ids=attrgetter("id"))
def test_a_source_that_nobody_asks_passes_no_row(case: Case, stage: Stage) -> None:
    """Every row that does not pass says something that only an answer can have told."""
    case.arrange(stage)
    assert not says(case, NoDefender().report(inventory(stage.world), now=NOW))
    assert stage.world.asked == []


def test_every_row_says_what_it_rests_on() -> None:
    assert set(RESTS) == {case.id for case in CASES}


ONE_OF_EACH = [case for case in CASES if case.id in {"nothing", "scheduled", "plan-free", "half-page", "unsigned"}]


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=[case.id for case in ONE_OF_EACH])
def test_what_holds_is_discarded_past_the_deadline_and_never_promoted(case: Case, stage: Stage) -> None:
    decision = decided(told(case, stage), waited=timedelta(hours=25))
    assert decision.outcome is Outcome.DISCARD
    assert decision.results[-1].code == "not_looked_at_in_time"


def test_every_state_and_every_trap_of_this_source_has_a_row() -> None:
    about = {case.about.strip("`") for case in CASES}
    assert {state.value for state in ScanState} <= about
    assert {"1", "2", "3", "4", "5", "6", "7", "9", "12", "13", "14", "15", "forged"} <= about
    assert len({case.id for case in CASES}) == len(CASES)


def test_the_documentation_has_this_table() -> None:
    assert table() in DOCS.read_text()


def test_every_test_and_row_that_the_traps_name_is_there() -> None:
    section = DOCS.read_text().split("## The fifteen traps", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line[:3].strip("| ").isdigit() or line[2:4].strip().isdigit()]
    assert len(rows) == 15
    defined = "\n".join(path.read_text() for path in DOCS.parents[1].joinpath("tests").rglob("test_*.py"))
    known = {case.id for case in CASES}
    for row in rows:
        held_by = row.rsplit("|", 2)[1]
        named = re.findall(r"`([\w-]+)`", held_by)
        assert named
        assert [name for name in named if f"def {name}(" not in defined and name not in known] == []
