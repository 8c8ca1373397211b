"""Every Python package was audited against advisories that are not too old."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.finding import ScanState, SourceReport
from gate.model.image import Component
from gate.model.origin import Kind
from gate.policy.proof import DATA_SKEW
from gate.policy.rule import Case, Explanation, missing, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = "advisories"


class AdvisoriesComplete:
    """A package that could not be looked up is named, and holds the image; it is never taken for clean."""

    id = "advisories-complete"
    title = "Every Python package was audited against fresh advisories."
    codes = {  # noqa: RUF012 - read-only by protocol
        "no_report": Explanation(
            reason="there is no audit against advisories", way_out="run `gate data import osv-pypi FILE`, then evaluate"
        ),
        "two_reports": Explanation(reason="there are {reports} audits", way_out="report this: one source answers once"),
        "other_digest": Explanation(
            reason="the audit is about {reported}, not about this digest", way_out="evaluate again"
        ),
        "audit_failed": Explanation(
            reason="the audit did not come to an end ({state}): {message}",
            way_out="run `gate data status`; import advisories with `gate data import osv-pypi FILE`",
        ),
        "no_snapshot": Explanation(
            reason="the audit does not say which advisories it used", way_out="import advisories, then evaluate again"
        ),
        "advisories_too_old": Explanation(
            reason="the advisories are from {published_at}, older than policy allows",
            way_out="import newer ones with `gate data import osv-pypi FILE`, then evaluate again",
        ),
        "advisories_from_the_future": Explanation(
            reason="the advisories claim to be from {published_at}, which has not come yet",
            way_out="set the clock right, then import advisories again with `gate data import osv-pypi FILE`",
        ),
        "advisories_old": Explanation(
            reason="the advisories are from {published_at}", way_out="import newer ones before they are too old"
        ),
        "unaudited": Explanation(
            reason="{name} could not be audited",
            way_out="install a released version whose number PEP 440 can read",
        ),
        "not_covered": Explanation(
            reason="{name} has no advisory source", way_out="no action: known unknown, counted and shown"
        ),
        "counts_differ": Explanation(
            reason="{expected} package(s) were to be audited, {audited} were and {unaudited} could not be",
            way_out="report this: the gate lost count and passes nothing",
        ),
        "audited": Explanation(reason="{audited} package(s) audited, {unaudited} without a source", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield a result for each obstacle, or one pass."""
        lacking = missing(required=case.policy.decision.findings.advisories.required)
        reports = [report for report in case.evidence.findings.reports if report.source == SOURCE]
        if len(reports) != 1:
            yield result(self.id, lacking, "two_reports" if reports else "no_report", reports=len(reports))
            return
        report = reports[0]
        code = _obstacle(report, case)
        if code:
            yield result(
                self.id,
                lacking,
                code,
                reported=report.subject,
                state=report.state.value,
                message=report.message,
                published_at=report.data.published_at.isoformat() if report.data else "unknown",
            )
            return
        yield from self._coverage(report, case)
        yield from self._age(report, case)

    def _coverage(self, report: SourceReport, case: Case) -> Iterator[RuleResult]:
        expected = Counter(_key(part) for part in case.evidence.image.components if _auditable(part))
        unaudited = Counter(report.unaudited)
        sound = True
        if unaudited - expected or report.audited + unaudited.total() != expected.total():
            sound = False
            yield result(
                self.id,
                Status.UNKNOWN,
                "counts_differ",
                expected=expected.total(),
                audited=report.audited,
                unaudited=unaudited.total(),
            )
        for name in sorted(unaudited):
            known_unknown = name.startswith(f"{Kind.CONDA.value}/")
            sound = sound and known_unknown
            yield result(
                self.id,
                Status.WARN if known_unknown else missing(required=case.policy.decision.findings.advisories.required),
                "not_covered" if known_unknown else "unaudited",
                name,
                name=name,
            )
        if sound:
            yield passed(self.id, "audited", audited=report.audited, unaudited=unaudited.total())

    def _age(self, report: SourceReport, case: Case) -> Iterator[RuleResult]:
        published = report.data.published_at if report.data else case.now
        if case.now - published > case.policy.decision.findings.advisories.soft_age:
            yield result(self.id, Status.WARN, "advisories_old", published_at=published.isoformat())


def _obstacle(report: SourceReport, case: Case) -> str:
    if report.subject != case.evidence.image.image.digest:
        return "other_digest"
    if report.state not in {ScanState.CLEAN, ScanState.FINDINGS}:
        return "audit_failed"
    if report.data is None:
        return "no_snapshot"
    age = case.now - report.data.published_at
    if age < -DATA_SKEW:
        return "advisories_from_the_future"
    return "advisories_too_old" if age > case.policy.decision.findings.advisories.hard_age else ""


def _auditable(component: Component) -> bool:
    return component.kind is Kind.CONDA or component.is_python


def _key(component: Component) -> str:
    return f"{component.kind.value}/{component.name}@{component.version}"
