"""What closed sets add to a check: the verdict of all together, and one outcome for each rule's result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import Status
from gate.reports.check_outcomes import About, Level, Outcome
from gate.reports.closed_set_text import explained, lifts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.environment.check import CheckReport, Verdict
    from gate.model.decision import RuleResult
    from gate.resolve.judged import JudgedSet

NOTHING = "nothing_resolved"
_RANK: dict[Verdict, int] = {"safelisted": 0, "needs_exception": 1, "unparseable": 2}
_VERDICTS: dict[str, Verdict] = {
    "sound": "safelisted",
    "empty": "safelisted",
    "refused": "needs_exception",
    "held": "needs_exception",
    "unresolved": "unparseable",
}
_LEVELS = {
    Status.PASS: Level.PASS,
    Status.WARN: Level.WARNING,
    Status.FAIL: Level.BLOCKED,
    Status.UNKNOWN: Level.UNDECIDED,
}
_LIFTED = "granted"


def verdict_of(report: CheckReport, sets: Sequence[JudgedSet]) -> Verdict:
    """Return the worst of all: no set softens what was declared, and a declaration does not soften a set.

    Sets that were asked for and are all empty prove nothing.
    """
    verdicts = [report.verdict, *(_VERDICTS[one.verdict] for one in sets)]
    if sets and all(one.verdict == "empty" for one in sets):
        verdicts.append("needs_exception")
    return max(verdicts, key=_RANK.__getitem__)


def sets_headline(sets: Sequence[JudgedSet]) -> str:
    """Say in a few words what became of the closed sets; nothing if none was asked for."""
    if not sets:
        return ""
    told = [f"{count} {word}" for word in _VERDICTS if (count := sum(one.verdict == word for one in sets))]
    packages = sum(len(one.resolution.packages) for one in sets)
    return f"; closed sets: {', '.join(told)}, {packages} packages"


def set_outcomes(sets: Sequence[JudgedSet]) -> list[tuple[JudgedSet, list[Outcome]]]:
    """Return each set with an outcome for every result, and one if it has no result; never none at all."""
    bare = all(one.verdict == "empty" for one in sets)
    return [(one, list(_of(one, bare=bare))) for one in sets]


def _of(judged: JudgedSet, *, bare: bool) -> Iterator[Outcome]:
    if judged.failure is not None:
        yield _told(judged, Level.UNDECIDED, judged.failure.code, judged.failure.message, judged.failure.hint)
    elif judged.verdict == "empty":
        reason = "the definition names no package, so there is no closed set"
        way_out = "name a definition that installs packages" if bare else ""
        yield _told(judged, Level.UNDECIDED if bare else Level.PASS, NOTHING, reason, way_out)
    for one in judged.results:
        yield _result(judged, one)


def _told(judged: JudgedSet, level: Level, code: str, reason: str, way_out: str) -> Outcome:
    return Outcome(
        about=About.SET,
        level=level,
        code=f"closed-set/{code}",
        key=judged.definition,
        subject=f"closed set of {judged.definition}",
        reason=reason,
        way_out=way_out,
        file=judged.definition,
        line=0,
    )


def _result(judged: JudgedSet, result: RuleResult) -> Outcome:
    reason, way_out = explained(result)
    if lifts(result):
        way_out = f"{way_out}: `{lifts(result)}`"
    file, line = place_of(judged, result)
    return Outcome(
        about=About.SET,
        level=Level.GRANTED if result.code == _LIFTED else _LEVELS[result.status],
        code=f"{result.rule}/{result.code}",
        key=f"{judged.definition}:{result.subject}",
        subject=result.subject or f"closed set of {judged.definition}",
        reason=reason,
        way_out=way_out,
        file=file,
        line=line,
    )


def place_of(judged: JudgedSet, result: RuleResult) -> tuple[str, int]:
    """Return the line that brings the subject in: its own, else that of what asks for it, else the definition."""
    packages = {one.name: one for one in judged.resolution.packages}
    at = result.params.get("name", "")
    wanted, seen = [at], {at}
    while wanted:
        package = packages.get(wanted.pop(0))
        if package is None:
            continue
        if package.declared:
            return _split(package.declared[0])
        wanted += [name for name in package.required_by if name not in seen]
        seen.update(package.required_by)
    where = result.params.get("where", "")
    return _split(where) if where else (judged.definition, 0)


def _split(where: str) -> tuple[str, int]:
    file, _, line = where.rpartition(":")
    return (file, int(line)) if file and line.isascii() and line.isdigit() else (where, 0)
