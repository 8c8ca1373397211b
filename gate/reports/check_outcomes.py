"""All that a check has to tell, one outcome each, for the reports that machines show: SARIF and JUnit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gate.model.origin import Disposition
from gate.model.reference import Severity
from gate.reports.check_rows import row_of
from gate.ways_out.problems import explain_problem

if TYPE_CHECKING:
    from gate.environment.check import CheckedReference, CheckedSource, CheckReport
    from gate.model.reference import Problem

SOURCE = "source_in_scope"
"""The code of a place in scope that is not safelisted."""

UNREAD = "nothing_found"
IMPLICIT = "implicit_defaults"


class Level(StrEnum):
    """What an outcome does to the verdict."""

    PASS = "pass"  # noqa: S105 - a word, no password
    GRANTED = "granted"
    WARNING = "warning"
    UNDECIDED = "undecided"
    BLOCKED = "blocked"


class About(StrEnum):
    """What an outcome is about."""

    REFERENCE = "reference"
    SOURCE = "source"
    PROBLEM = "problem"
    SET = "closed_set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One thing to tell. `line` is 0 where a file as a whole is meant; `key` names the thing without its line."""

    about: About
    level: Level
    code: str
    key: str
    subject: str
    reason: str
    way_out: str
    file: str
    line: int
    text: str = ""
    checked: CheckedReference | None = None
    source: CheckedSource | None = None


def outcomes_of(report: CheckReport) -> list[Outcome]:
    """Return every reference, every place in scope that is not safelisted, every problem; in the order of the files.

    The verdict follows from them: `unparseable` has an undecided problem, `needs_exception` something blocked or
    undecided, `safelisted` neither.
    """
    references = [_reference(one) for one in report.references]
    sources = [_source(one, report) for one in report.sources if not one.safelisted]
    problems = [_problem(one) for one in report.problems]
    stops = {Level.BLOCKED, Level.UNDECIDED}
    if report.verdict == "unparseable" and not any(one.level is Level.UNDECIDED for one in problems):
        problems.append(_nothing())
    elif report.verdict == "needs_exception" and not any(one.level in stops for one in (*references, *sources)):
        # Nothing else can have decided it: policy blocks what conda adds by itself.
        problems = [_problem(one, refused=one.code == IMPLICIT) for one in report.problems]
    return [*references, *sources, *problems]


_LEVELS = {
    Disposition.SAFELISTED: Level.PASS,
    Disposition.GRANTED: Level.GRANTED,
    Disposition.BLOCKED: Level.BLOCKED,
    Disposition.UNDETERMINED: Level.UNDECIDED,
}


def _reference(checked: CheckedReference) -> Outcome:
    reference, row = checked.reference, row_of(checked)
    return Outcome(
        about=About.REFERENCE,
        level=_LEVELS[checked.disposed.disposition],
        code=checked.disposed.code,
        key=f"{reference.kind.value}:{reference.name}",
        subject=row.subject,
        reason=row.reason,
        way_out=row.way_out,
        file=reference.file,
        line=reference.line,
        text=reference.text,
        checked=checked,
    )


def _source(checked: CheckedSource, report: CheckReport) -> Outcome:
    source = checked.source
    used = any(source.origin in one.reference.origins for one in report.references)
    way_out = "remove it, or bind it to the granted names that live there" if used else "remove it: nothing needs it"
    reason = f"{source.origin.location} is in scope and not safelisted"
    return Outcome(
        about=About.SOURCE,
        level=Level.GRANTED if checked.covered else Level.BLOCKED,
        code=SOURCE,
        key=f"{source.origin.kind.value}:{source.origin.location}",
        subject=f"{source.origin.kind.value} {source.origin.location}",
        reason=f"{reason}; all that comes from it is granted" if checked.covered else reason,
        way_out="" if checked.covered else way_out,
        file=source.file,
        line=source.line,
        text=source.text,
        source=checked,
    )


def _problem(problem: Problem, *, refused: bool = False) -> Outcome:
    level = Level.UNDECIDED if problem.severity is Severity.ERROR else Level.WARNING
    return Outcome(
        about=About.PROBLEM,
        level=Level.BLOCKED if refused else level,
        code=problem.code,
        key=problem.message,
        subject=problem.code,
        reason=problem.message,
        way_out=explain_problem(problem.code).way_out,
        file=problem.file,
        line=problem.line,
    )


def _nothing() -> Outcome:
    words = explain_problem(UNREAD)
    return Outcome(
        about=About.PROBLEM,
        level=Level.UNDECIDED,
        code=UNREAD,
        key=UNREAD,
        subject=UNREAD,
        reason=words.reason,
        way_out=words.way_out,
        file=".",
        line=0,
    )
