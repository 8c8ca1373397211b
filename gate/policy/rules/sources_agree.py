"""What Defender and the advisories say of the same vulnerability, beside each other; Defender's severity counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.policy.proof import DEFENDER
from gate.policy.rule import Case, Explanation, passed, result
from gate.policy.vulnerabilities import vulnerabilities

if TYPE_CHECKING:
    from collections.abc import Iterator


class SourcesAgree:
    """Never refuses: what a vulnerability comes to is for the rule on findings to say."""

    id = "sources-agree"
    title = "The sources say the same of the severity of what more than one of them knows."
    codes = {  # noqa: RUF012 - read-only by protocol
        "severity_differs": Explanation(
            reason="{component} {version} has {id}: severity {severity} counts, and {beside} stands beside it",
            way_out="no action: Defender is the declared source of severity",
        ),
        "severity_undeclared": Explanation(
            reason="{component} {version} has {id}: Defender declares no severity, and the gravest word counts "
            "({severity}; beside it {beside})",
            way_out="no action: what is not declared is not taken for less",
        ),
        "compared": Explanation(
            reason="{both} vulnerabilities are known to more than one source, {differing} of them with another "
            "severity; {alone}",
            way_out="",
        ),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield a warning for each difference, and one pass with what each source alone knows."""
        known = vulnerabilities(case)
        both = [one for one in known if len(one.told) > 1]
        for one in both:
            if not one.beside:
                continue
            declared = len(one.declared) == 1 and one.told.get(DEFENDER) is one.severity
            yield result(
                self.id,
                Status.WARN,
                "severity_differs" if declared else "severity_undeclared",
                one.subject,
                id=one.ids[0] if one.ids else "no id",
                component=one.component,
                version=one.version,
                severity=one.severity.value,
                beside=one.beside,
            )
        names = dict.fromkeys(report.source for report in case.evidence.findings.reports)
        alone = {name: sum(list(one.told) == [name] for one in known) for name in names}
        yield passed(
            self.id,
            "compared",
            both=len(both),
            differing=sum(bool(one.beside) for one in both),
            alone=", ".join(f"{name} alone knows {count}" for name, count in alone.items()) or "no source reported",
        )
