"""Defender looked at this very digest, lately."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.finding import ScanState, SourceReport
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = "defender"
_SKEW = timedelta(minutes=5)
"""How far two clocks may be apart before a scan from the future is no scan."""


class ScanProof:
    """Nothing found is not clean: a state that is not a finished scan of this digest holds the image."""

    id = "scan-proof"
    title = "Defender scanned this digest, and lately."
    codes = {  # noqa: RUF012 - read-only by protocol
        "no_report": Explanation(
            reason="there is no report by Defender", way_out="configure the source; `gate policy show` names it"
        ),
        "two_reports": Explanation(
            reason="there are {reports} reports by Defender", way_out="report this: one source answers once"
        ),
        "other_digest": Explanation(
            reason="Defender's report is about {reported}, not about this digest",
            way_out="wait for the scan of this digest, then evaluate again",
        ),
        "recording_refused": Explanation(
            reason="Defender's answer is a recording, which policy does not allow",
            way_out="use the live source; recordings are for demonstrations and tests",
        ),
        "not_scanned": Explanation(
            reason="no proof that Defender scanned this digest ({message})",
            way_out="a pushed image is scanned within a few hours: evaluate again later",
        ),
        "pending": Explanation(reason="Defender's scan is under way", way_out="evaluate again later"),
        "stale": Explanation(
            reason="the last scan is from {scanned_at}, older than policy allows",
            way_out="pull or push the image so that Defender scans it again, then evaluate again",
        ),
        "from_the_future": Explanation(
            reason="the scan claims to be from {scanned_at}, which has not come yet",
            way_out="set the clocks right, then evaluate again",
        ),
        "unsupported": Explanation(
            reason="Defender can't scan this image ({message})",
            way_out="build on an operating system that Defender supports",
        ),
        "plan_off": Explanation(
            reason="the plan that scans registries is switched off", way_out="switch on Defender for Containers"
        ),
        "no_permission": Explanation(
            reason="the gate may not read Defender's answers",
            way_out="give its identity the role Security Reader on the registry's subscription",
        ),
        "source_error": Explanation(
            reason="Defender's answer can't be used: {message}", way_out="evaluate again; if it stays, mend the source"
        ),
        "disagreement": Explanation(
            reason="Defender's two models contradict each other: {message}", way_out="evaluate again later"
        ),
        "no_time": Explanation(
            reason="Defender's report does not say when it scanned",
            way_out="wait for a dated scan, then evaluate again",
        ),
        "scanned": Explanation(reason="scanned at {scanned_at} ({proof})", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield exactly one result: the first reason not to believe the report, or a pass."""
        reports = [report for report in case.evidence.findings.reports if report.source == SOURCE]
        if len(reports) != 1:
            code = "two_reports" if reports else "no_report"
            yield result(self.id, Status.UNKNOWN, code, reports=len(reports))
            return
        report = reports[0]
        code = _obstacle(report, case)
        scanned_at = report.scanned_at.isoformat() if report.scanned_at else "unknown"
        if code:
            yield result(
                self.id, Status.UNKNOWN, code, reported=report.subject, scanned_at=scanned_at, message=report.message
            )
        else:
            proof = "a recording" if report.recorded else report.proof
            yield passed(self.id, "scanned", scanned_at=scanned_at, proof=proof)


def _obstacle(report: SourceReport, case: Case) -> str:
    """Return the code of the first reason not to believe the report; the order is that of trust."""
    policy = case.policy.decision.findings.defender
    if report.subject != case.evidence.image.image.digest:
        return "other_digest"
    if report.recorded and not policy.allow_recorded:
        return "recording_refused"
    if report.state not in {ScanState.CLEAN, ScanState.FINDINGS}:
        return report.state.value
    if report.scanned_at is None:
        return "no_time"
    if report.scanned_at > case.now + _SKEW:
        return "from_the_future"
    return "stale" if case.now - report.scanned_at > policy.max_age else ""
