"""A check for a person at a terminal: the verdict, what blocks and what to do, and nothing about what is fine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.origin import Disposition
from gate.model.quiet import quiet
from gate.model.reference import Severity
from gate.reports.check_rows import fixes_of, headline, rows_of
from gate.reports.check_sets import sets_headline, verdict_of
from gate.reports.closed_set_text import lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.environment.check import CheckReport
    from gate.resolve.judged import JudgedSet


def render(report: CheckReport, sets: Sequence[JudgedSet] = ()) -> str:
    """Return the text; what judged files say to a terminal or to a pipeline is shown, not obeyed."""
    lines = [headline(report, verdict_of(report, sets)) + sets_headline(sets)]
    for row in rows_of(report):
        if row.disposition is Disposition.SAFELISTED:
            continue
        reference = row.checked.reference
        lines.append(f"\n{reference.file}:{reference.line}: {row.disposition.value}: {row.subject}")
        lines.append(f"  why: {row.reason}")
        if row.way_out:
            lines.append(f"  next: {row.way_out}")
    for one in report.sources:
        if not (one.safelisted or one.covered):
            lines.append(f"\n{one.source.file}:{one.source.line}: not safelisted: {one.source.origin.location}")
            if not any(one.source.origin in checked.reference.origins for checked in report.references):
                lines.append("  next: remove it, nothing that is listed here needs it")
    for problem in sorted(report.problems, key=lambda one: one.severity is Severity.WARNING):
        where = f"{problem.file}:{problem.line}" if problem.line else problem.file
        lines.append(f"\n{where}: {problem.severity.value}[{problem.code}]: {problem.message}")
    for judged in sets:
        first, *rest = lines_of(judged)
        lines += [f"\n{first}", *rest]
    for fix in fixes_of(report):
        lines.append(f"\nchange: {fix.summary}")
        lines += [f"  {line}" for line in fix.diff.split("\n") if line]
    return quiet("\n".join(map(_visible, lines)) + "\n")


def _visible(line: str) -> str:
    gap = "\n" if line.startswith("\n") else ""
    return gap + "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line.removeprefix(gap))
