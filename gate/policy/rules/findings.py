"""No vulnerability blocks: by severity, by whether a fix is available and for how long, malicious or exploited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.finding import ScanState
from gate.policy.proof import SKEW
from gate.policy.rule import Case, Explanation, passed, result
from gate.policy.vulnerabilities import Vulnerability, vulnerabilities
from gate.policy.waiving import waivable, waived_by
from gate.policy.words import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.model.exception import Subject

MOST_WAIVERS = 20
"""Most waivers that one image is offered: with more of them it needs another base, or other packages."""
_FACTS = "{component} {version} has {id}, severity {severity} ({source}); fixed in: {fixed_in}"
_BASE = "_base"
"""Ends the code of what lies in a listed base image: its way out is another base."""


class FindingsBelowBar:
    """A finding that its source has switched off still counts: an exemption there is no exemption here."""

    id = "findings"
    title = "No finding blocks by its severity, its fix or its age, and no package is malicious or exploited."
    codes = {  # noqa: RUF012 - read-only by protocol
        "malicious": Explanation(
            reason="{component} {version} is malicious ({id}, {source})",
            way_out="remove the package and rotate every secret that its build could read",
        ),
        "exploited": Explanation(
            reason=f"{_FACTS}; known to be exploited since {{exploited_since}}",
            way_out="raise {component} to a fixed version and rebuild, now; no grace holds for it",
        ),
        "exploited_base": Explanation(
            reason=f"{_FACTS}; known to be exploited since {{exploited_since}}; it lies in the base image",
            way_out="build on a newer base image with {component} in a fixed version, now; no grace holds for it",
        ),
        "vulnerable": Explanation(
            reason=_FACTS,
            way_out="raise {component} to a fixed version and rebuild; where there is none, replace it, or ask for a "
            "waiver: `gate exception request --waive {id}`",
        ),
        "vulnerable_base": Explanation(
            reason=f"{_FACTS}; it lies in the base image",
            way_out="build on a newer base image, or raise {component} in a layer of your own; where no version fixes "
            "it, ask for a waiver: `gate exception request --waive {id}`",
        ),
        "grace_over": Explanation(
            reason=f"{_FACTS}; a fix is known since {{fix_seen_at}}, and the grace ended at {{grace_until}}",
            way_out="raise {component} to {fixed_in} and rebuild",
        ),
        "grace_over_base": Explanation(
            reason=f"{_FACTS}; a fix is known since {{fix_seen_at}}, the grace ended at {{grace_until}}; it lies in "
            "the base image",
            way_out="build on a newer base image with {component} {fixed_in}, or raise it in a layer of your own",
        ),
        "unfixed": Explanation(reason=_FACTS, way_out="no action is demanded until a version fixes it"),
        "unfixed_base": Explanation(
            reason=f"{_FACTS}; it lies in the base image", way_out="no action is demanded until a newer base fixes it"
        ),
        "in_grace": Explanation(
            reason=f"{_FACTS}; a fix is known since {{fix_seen_at}}",
            way_out="raise {component} to {fixed_in} before {grace_until}: from then on it blocks",
        ),
        "in_grace_base": Explanation(
            reason=f"{_FACTS}; a fix is known since {{fix_seen_at}}; it lies in the base image",
            way_out="build on a newer base image before {grace_until}: from then on it blocks",
        ),
        "below_bar": Explanation(reason=_FACTS, way_out="no action is demanded; a fixed version is better"),
        "below_bar_base": Explanation(
            reason=f"{_FACTS}; it lies in the base image", way_out="no action is demanded; a newer base is better"
        ),
        "waived": Explanation(
            reason=f"{_FACTS}; waiver {{waiver}} hides it until {{expires}} ({{justification}})",
            way_out="no action is demanded until then; a waiver does not renew itself",
        ),
        "contradiction": Explanation(
            reason="{source} says `{state}` and lists {findings} finding(s)",
            way_out="evaluate again; if it stays, mend the source",
        ),
        "no_source": Explanation(reason="no source reported at all", way_out="configure the sources"),
        "none_block": Explanation(
            reason="{findings} finding(s) of {vulnerabilities} vulnerabilities, {waived} waived; none blocks",
            way_out="",
        ),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield one result for each vulnerability, and a pass if none blocks; a contradictory report holds."""
        reports = case.evidence.findings.reports
        if not reports:
            yield result(self.id, Status.UNKNOWN, "no_source")
            return
        judged = [self._judged(one, case) for one in vulnerabilities(case)]
        results = [*self._contradictions(case), *_offering_waivers(judged)]
        yield from results
        if not any(one.status in {Status.FAIL, Status.UNKNOWN} for one in results):
            waived = sum(one.code == "waived" for one in results)
            found = sum(len(report.findings) for report in reports)
            yield passed(self.id, "none_block", findings=found, vulnerabilities=len(results), waived=waived)

    def _contradictions(self, case: Case) -> Iterator[RuleResult]:
        """Yield one for each report whose state and list do not fit."""
        for report in case.evidence.findings.reports:
            if bool(report.findings) != (report.state is ScanState.FINDINGS):
                yield result(
                    self.id,
                    Status.UNKNOWN,
                    "contradiction",
                    source=report.source,
                    state=report.state.value,
                    findings=len(report.findings),
                )

    def _judged(self, one: Vulnerability, case: Case) -> RuleResult:
        status, code, more = _verdict(one, case)
        facts = _facts(one) | more
        if status is not Status.FAIL:
            return result(self.id, status, _placed(code, one), one.subject, **facts)
        waiver, _ = waived_by(one, case)
        if waiver is None or waiver.waives is None:
            return _asked_for(result(self.id, status, _placed(code, one), one.subject, **facts), waivable(one, case))
        said = {
            "waiver": waiver.id,
            "expires": waiver.expires.isoformat(),
            "justification": waiver.waives.justification.value,
            "hides": code,
        }
        return result(self.id, Status.WARN, "waived", one.subject, **(facts | said))


def _verdict(one: Vulnerability, case: Case) -> tuple[Status, str, dict[str, str]]:
    """Judge one vulnerability by its bar; the first that applies counts."""
    policy = case.policy.decision.findings
    bar, severity = one.bar(policy), one.blocking(policy)
    if one.malicious:
        return Status.FAIL, "malicious", {}
    if one.exploited_since is not None:
        return Status.FAIL, "exploited", {"exploited_since": one.exploited_since.isoformat()}
    if severity is None:
        return Status.WARN, "below_bar", {}
    if not one.fixed_in:
        return (Status.FAIL, "vulnerable", {}) if bar.unfixed is Treatment.BLOCK else (Status.WARN, "unfixed", {})
    # The shortest grace of all severities that count; one of them without a grace is none.
    graces = [bar.grace.get(each) for each in one.declared if each in bar.block]
    known = [each for each in graces if each is not None]
    seen = one.fix_seen_at
    if len(known) < len(graces) or seen is None or seen > case.now + SKEW:
        return Status.FAIL, "vulnerable", {}
    until = seen + min(known)
    dates = {"fix_seen_at": seen.isoformat(), "grace_until": until.isoformat()}
    return (Status.WARN, "in_grace", dates) if case.now < until else (Status.FAIL, "grace_over", dates)


def _asked_for(refused: RuleResult, subject: Subject | None) -> RuleResult:
    """Name the request for a waiver of what was refused, if one can be asked for."""
    if subject is None:
        return refused
    asked = {"waive": subject.vulnerability, "kind": subject.kind.value, "name": subject.name}
    return refused.model_copy(update={"request": subject.request_id(), "params": {**refused.params, **asked}})


def _offering_waivers(judged: Sequence[RuleResult]) -> list[RuleResult]:
    """Leave the requests out where there are too many: whoever reviews them would have to review the image."""
    if sum(bool(one.request) for one in judged) <= MOST_WAIVERS:
        return list(judged)
    return [one.model_copy(update={"request": ""}) for one in judged]


def _placed(code: str, one: Vulnerability) -> str:
    return code + _BASE if one.in_base and f"{code}{_BASE}" in FindingsBelowBar.codes else code


def _facts(one: Vulnerability) -> dict[str, str]:
    facts = {
        "id": one.ids[0] if one.ids else "no id",
        "aliases": " ".join(one.ids[1:]),
        "component": one.component,
        "version": one.version,
        "severity": one.severity.value,
        "source": one.sources,
        "fixed_in": ", ".join(one.fixed_in) or "no version yet",
    }
    return facts | ({"beside": one.beside} if one.beside else {})
