"""A check for a pull request or a pipeline's summary page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.origin import Disposition
from gate.model.quiet import quiet
from gate.reports.check_outcomes import Level
from gate.reports.check_rows import fixes_of, headline, rows_of
from gate.reports.check_sets import set_outcomes, sets_headline, verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.environment.check import CheckReport
    from gate.resolve.judged import JudgedSet

_ESCAPED = {"|": "&#124;", "<": "&lt;", ">": "&gt;", "[": "&#91;", "]": "&#93;", "`": "&#96;", "\r": " ", "\n": " "}


def render(report: CheckReport, sets: Sequence[JudgedSet] = ()) -> str:
    """Return markdown; nothing in a judged file becomes a link, an image or a row of its own, or steers a terminal."""
    lines = [f"### gate check: {headline(report, verdict_of(report, sets))}{sets_headline(sets)}", ""]
    rows = [row for row in rows_of(report) if row.disposition is not Disposition.SAFELISTED]
    if rows:
        lines += ["| where | what | disposition | why | what to do |", "|---|---|---|---|---|"]
    for row in rows:
        reference = row.checked.reference
        cells = (
            f"{reference.file}:{reference.line}",
            row.subject,
            row.disposition.value,
            row.reason,
            row.way_out,
        )
        lines.append("| " + " | ".join(map(_escape, cells)) + " |")
    refused = [one.source for one in report.sources if not (one.safelisted or one.covered)]
    if refused:
        lines += ["", "Not safelisted and in scope:", ""]
        lines += [f"- {_escape(one.origin.location)} ({_escape(one.file)}:{one.line})" for one in refused]
    if report.problems:
        lines += ["", "Met while reading:", ""]
        lines += [
            f"- {one.severity.value} {_escape(one.code)}: {_escape(one.message)} ({_escape(one.file)}:{one.line})"
            for one in report.problems
        ]
    lines += _sets(sets)
    for fix in fixes_of(report):
        # Four blanks make code of any line: no fence that the text itself could close.
        shown = [f"    {_visible(line)}" for line in fix.diff.split("\n") if line]
        lines += ["", f"Change: {_escape(fix.summary)}", "", *shown]
    return quiet("\n".join(lines) + "\n")


def _sets(sets: Sequence[JudgedSet]) -> list[str]:
    lines: list[str] = []
    for one, outcomes in set_outcomes(sets):
        found = one.resolution
        target = f"{found.platform}, Python {found.python}"
        title = f"{_escape(one.definition)}: **{one.verdict}**, {len(found.packages)} packages for {_escape(target)}"
        lines += ["", f"#### closed set of {title}", ""]
        told = sorted(outcomes, key=lambda outcome: _RANK.index(outcome.level))
        rows = [outcome for outcome in told if outcome.level is not Level.PASS]
        if rows:
            lines += ["| where | what | result | why | what to do |", "|---|---|---|---|---|"]
        for row in rows:
            where = f"{row.file}:{row.line}" if row.line else row.file
            cells = (where, row.subject, f"{row.level.value} {row.code}", row.reason, row.way_out)
            lines.append("| " + " | ".join(map(_escape, cells)) + " |")
    return lines


_RANK = (Level.BLOCKED, Level.UNDECIDED, Level.WARNING, Level.GRANTED, Level.PASS)


def _visible(line: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


def _escape(text: str) -> str:
    return "".join(_ESCAPED.get(one, one if one.isprintable() else ascii(one)[1:-1]) for one in text)
