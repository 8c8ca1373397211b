"""Defender looked at this very digest, lately."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.policy.proof import DEFENDER, obstacle
from gate.policy.rule import Case, Explanation, missing, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        "old": Explanation(
            reason="the scan is from {scanned_at}", way_out="have the image scanned again before that is too old"
        ),
        "scanned": Explanation(reason="scanned at {scanned_at} ({proof})", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield the first reason not to believe the report, or a pass, and a warning before it is too old."""
        policy = case.policy.decision.findings.defender
        lacking = missing(required=policy.required)
        reports = [report for report in case.evidence.findings.reports if report.source == DEFENDER]
        if len(reports) != 1:
            code = "two_reports" if reports else "no_report"
            yield result(self.id, lacking, code, reports=len(reports))
            return
        report = reports[0]
        code = obstacle(report, case)
        scanned_at = report.scanned_at.isoformat() if report.scanned_at else "unknown"
        if code:
            yield result(self.id, lacking, code, reported=report.subject, scanned_at=scanned_at, message=report.message)
        else:
            proof = "a recording" if report.recorded else report.proof
            if policy.soft_age is not None and report.scanned_at and case.now - report.scanned_at > policy.soft_age:
                yield result(self.id, Status.WARN, "old", scanned_at=scanned_at)
            yield passed(self.id, "scanned", scanned_at=scanned_at, proof=proof)
