"""A check for a pull request or a pipeline's summary page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.origin import Disposition
from gate.model.quiet import quiet
from gate.reports.check_rows import fixes_of, headline, rows_of

if TYPE_CHECKING:
    from gate.environment.check import CheckReport

_ESCAPED = {"|": "&#124;", "<": "&lt;", ">": "&gt;", "[": "&#91;", "]": "&#93;", "`": "&#96;", "\r": " ", "\n": " "}


def render(report: CheckReport) -> str:
    """Return markdown; nothing in a judged file becomes a link, an image or a row of its own, or steers a terminal."""
    lines = [f"### gate check: {headline(report)}", ""]
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
    for fix in fixes_of(report):
        # Four blanks make code of any line: no fence that the text itself could close.
        shown = [f"    {_visible(line)}" for line in fix.diff.split("\n") if line]
        lines += ["", f"Change: {_escape(fix.summary)}", "", *shown]
    return quiet("\n".join(lines) + "\n")


def _visible(line: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


def _escape(text: str) -> str:
    return "".join(_ESCAPED.get(one, one if one.isprintable() else ascii(one)[1:-1]) for one in text)
