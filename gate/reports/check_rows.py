"""The rows of a check report, ready to be shown: one for each reference, with its reason and way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.model.origin import Disposition
from gate.policy.explain import DISPOSITIONS, explain
from gate.ways_out.find import request_of

if TYPE_CHECKING:
    from gate.environment.check import CheckedReference, CheckReport
    from gate.model.fix import Fix

_REQUEST = "`gate exception request`"

RANK = {
    Disposition.BLOCKED: 0,
    Disposition.UNDETERMINED: 1,
    Disposition.GRANTED: 2,
    Disposition.SAFELISTED: 3,
}
"""What blocks comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reference in words. `reason` and `way_out` are empty for what is safelisted."""

    checked: CheckedReference
    subject: str
    origins: str
    reason: str
    way_out: str

    @property
    def disposition(self) -> Disposition:
        """What policy made of it."""
        return self.checked.disposed.disposition


def row_of(checked: CheckedReference) -> Row:
    """Put one reference into words."""
    reference, disposed = checked.reference, checked.disposed
    origins = ", ".join(origin.location for origin in reference.origins) or "an unknown place"
    subject = f"{reference.kind.value} {reference.name}" + (f" {reference.spec}" if reference.spec else "")
    if disposed.disposition is Disposition.SAFELISTED:
        return Row(checked=checked, subject=subject, origins=origins, reason="", way_out="")
    params = {"name": f"`{reference.name}`", "version": reference.spec, "origins": origins, "grant": disposed.grant}
    if disposed.disposition is Disposition.GRANTED:
        reason = f"granted by {disposed.grant}"
        return Row(checked=checked, subject=subject, origins=origins, reason=reason, way_out="")
    words = explain(DISPOSITIONS, disposed.code, params)
    way_out = words.way_out.replace(_REQUEST, f"`{request_of(checked)}`")
    return Row(checked=checked, subject=subject, origins=origins, reason=words.reason, way_out=way_out)


def rows_of(report: CheckReport) -> list[Row]:
    """Return all rows, what blocks first, else in the order of the files."""
    return sorted(map(row_of, report.references), key=lambda row: RANK[row.disposition])


def counts_of(report: CheckReport) -> dict[str, int]:
    """Count references by disposition; the counts add up to all of them."""
    return {one.value: sum(checked.disposed.disposition is one for checked in report.references) for one in Disposition}


def headline(report: CheckReport, verdict: str = "") -> str:
    """Say the verdict (the report's own if none is given) and the counts in one line."""
    counts = counts_of(report)
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    figures = f"{len(report.references)} references ({told or 'none'}) in {len(report.files)} files"
    return f"{verdict or report.verdict}: {figures}"


def fixes_of(report: CheckReport) -> list[Fix]:
    """Return each change that is proposed, once, in the order of the files."""
    return list(dict.fromkeys(one.fix for one in report.references if one.fix is not None))
