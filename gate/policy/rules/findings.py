"""No finding of a severity that blocks, no malicious package, by any source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.finding import ScanState
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator


class FindingsBelowBar:
    """A finding that its source has switched off still counts: an exemption there is no exemption here."""

    id = "findings"
    title = "No finding blocks by its severity, and no package is malicious."
    codes = {  # noqa: RUF012 - read-only by protocol
        "malicious": Explanation(
            reason="{component} {version} is malicious ({id}, {source})",
            way_out="remove the package and rotate every secret that its build could read",
        ),
        "vulnerable": Explanation(
            reason="{component} {version} has {id}, severity {severity} ({source}); fixed in: {fixed_in}",
            way_out="raise {component} to a fixed version and rebuild",
        ),
        "below_bar": Explanation(
            reason="{component} {version} has {id}, severity {severity} ({source}); fixed in: {fixed_in}",
            way_out="no action is demanded; a fixed version is better",
        ),
        "contradiction": Explanation(
            reason="{source} says `{state}` and lists {findings} finding(s)",
            way_out="evaluate again; if it stays, mend the source",
        ),
        "no_source": Explanation(reason="no source reported at all", way_out="configure the sources"),
        "none_block": Explanation(reason="{findings} finding(s), none blocks", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield one result for each finding, or one pass; a state that contradicts its list is unknown."""
        reports = case.evidence.findings.reports
        if not reports:
            yield result(self.id, Status.UNKNOWN, "no_source")
            return
        sound, total = True, 0
        for report in reports:
            total += len(report.findings)
            if bool(report.findings) != (report.state is ScanState.FINDINGS) and (
                report.findings or report.state is ScanState.FINDINGS
            ):
                sound = False
                yield result(
                    self.id,
                    Status.UNKNOWN,
                    "contradiction",
                    source=report.source,
                    state=report.state.value,
                    findings=len(report.findings),
                )
            for finding in report.findings:
                blocks = finding.malicious or finding.severity in case.policy.decision.findings.block
                sound = sound and not blocks
                yield result(
                    self.id,
                    Status.FAIL if blocks else Status.WARN,
                    "malicious" if finding.malicious else "vulnerable" if blocks else "below_bar",
                    f"{finding.component}@{finding.version}",
                    id=finding.ids[0] if finding.ids else "no id",
                    aliases=" ".join(finding.ids[1:]),
                    component=finding.component,
                    version=finding.version,
                    severity=finding.severity.value,
                    source=report.source,
                    fixed_in=", ".join(finding.fixed_in) or "no version yet",
                )
        if sound:
            yield passed(self.id, "none_block", findings=total)
