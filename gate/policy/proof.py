"""Whether Defender's report can be believed: asked by the rule on proof of scan, and by whoever takes its word."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gate.model.finding import ScanState

if TYPE_CHECKING:
    from gate.model.finding import SourceReport
    from gate.policy.rule import Case

DEFENDER = "defender"
"""The source's name in reports."""

SKEW = timedelta(minutes=5)
"""How far two clocks may be apart before a scan from the future is no scan."""

DATA_SKEW = timedelta(hours=1)
"""The same for reference data, which an import lets in up to an hour ahead; further ahead it would never grow old."""


def obstacle(report: SourceReport, case: Case) -> str:
    """Return the code of the first reason not to believe the report, nothing if there is none.

    The order is that of trust.
    """
    policy = case.policy.decision.findings.defender
    if report.subject != case.evidence.image.image.digest:
        return "other_digest"
    if report.recorded and not policy.allow_recorded:
        return "recording_refused"
    if report.state not in {ScanState.CLEAN, ScanState.FINDINGS}:
        return report.state.value
    if report.scanned_at is None:
        return "no_time"
    if report.scanned_at > case.now + SKEW:
        return "from_the_future"
    return "stale" if case.now - report.scanned_at > policy.max_age else ""
