"""`decide(evidence, policy, now)`: the pure heart. The same evidence under the same rules decides the same, for ever.

The steps, numbered as in the code: 1. dispose of every reference and component, of an index image by image; 2. ask
every rule about every image, where one that raises is an unknown and not a pass; 3. fold the results: any fail
discards, any unknown holds, only a case in which every rule spoke and none objected promotes; 4. past the deadline a
hold becomes a discard.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.model.decision import Decision, Disposed, Outcome, RuleResult, Status
from gate.model.evidence import Evidence, evidence_digest
from gate.model.origin import Disposition, Kind
from gate.policy.dispose import Bounds, dispose_components, dispose_reference
from gate.policy.rule import Case, Explanation, Rule, result
from gate.policy.rules import ALL, ASKED_ONCE, EVIDENCE
from gate.policy.ruleset import RULESET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gate.model.exception import Grant
    from gate.policy.schema import Policy

OWN = "decision"
"""The id under which the decision speaks for itself."""

MOST_REQUESTS = 200
"""Most exception requests that one decision names: an image that needs more needs another environment first."""

OWN_CODES: Mapping[str, Explanation] = {
    "rule_failed": Explanation(
        reason="the rule `{name}` failed: {error}", way_out="report this; nothing passes while a rule can't answer"
    ),
    "rule_silent": Explanation(
        reason="the rule `{name}` said nothing", way_out="report this; silence of a rule is no pass"
    ),
    "not_looked_at_in_time": Explanation(
        reason="evidence was still missing {waited} after submission, past the deadline",
        way_out="mend what held it (see the held rules), then push and submit again",
    ),
}


def decide(evidence: Evidence, policy: Policy, now: datetime, rules: Sequence[Rule] = ALL) -> Decision:
    """Decide on one image.

    Args:
        evidence: every fact; nothing else is read.
        policy: the rules' settings.
        now: the one instant of this decision, with a time zone.
        rules: all of them; another list is for tests that delete one.

    Returns:
        The decision with every rule's results, dispositions and counts. It never raises for what evidence holds.
    """
    cases = [_case(view, policy, now) for view in evidence.views()]  # 1
    case = _whole(evidence, cases)
    results = [answer for rule in rules for answer in _answers(rule, case, cases)]  # 2
    if not rules:
        results = [result(OWN, Status.UNKNOWN, "rule_silent", name="all")]
    outcome = _fold(results)  # 3
    if outcome is Outcome.HOLD and now - evidence.submitted_at > policy.decision.findings.deadline:  # 4
        results.append(result(OWN, Status.FAIL, "not_looked_at_in_time", waited=now - evidence.submitted_at))
        outcome = Outcome.DISCARD
    manifest, _ = evidence.split()
    return Decision(
        outcome=outcome,
        subject=evidence.subject,
        repository=evidence.repository,
        decided_at=now,
        policy=policy.fingerprint(),
        ruleset=RULESET,
        evidence=evidence_digest(manifest),
        recorded_sources=_recorded(evidence),
        results=tuple(results),
        references=case.references,
        components=case.components,
        counts=_counts(case),
        requests=_requests(outcome, results),
        missing=_missing(results),
    )


def _case(evidence: Evidence, policy: Policy, now: datetime) -> Case:
    grants = evidence.exceptions.grants
    bounds = Bounds(now=now, repository=evidence.repository)
    components = dispose_components(evidence.image.components, policy, grants, bounds)
    declared = tuple(
        dispose_reference(reference, policy, grants, now, evidence.repository)
        for reference in evidence.environment.references
    )
    observed = {part.name: part.grant for part in components if part.disposition is Disposition.GRANTED}
    references = tuple(
        _by_bytes(disposed, reference.distribution or reference.name, observed, grants)
        for disposed, reference in zip(declared, evidence.environment.references, strict=True)
    )
    return Case(evidence=evidence, policy=policy, now=now, references=references, components=components)


def _whole(evidence: Evidence, cases: Sequence[Case]) -> Case:
    """Put the cases of an index's images together: every component once an image, every reference once.

    A reference that one image lifts by the bytes of a grant is lifted; the others are held to their own bytes.
    """
    first = cases[0]
    if len(cases) == 1:
        return first
    components = tuple(
        disposed.model_copy(update={"image": one.evidence.image.image.digest})
        for one in cases
        for disposed in one.components
    )
    granted = (
        next((one for one in same if one.disposition is Disposition.GRANTED), same[0])
        for same in zip(*(one.references for one in cases), strict=True)
    )
    return replace(first, evidence=evidence, components=components, references=tuple(granted))


def _answers(rule: Rule, whole: Case, cases: Sequence[Case]) -> list[RuleResult]:
    """Ask a rule about every image, or once if it speaks of what the images share."""
    if len(cases) == 1 or rule.id in ASKED_ONCE:
        return _ask(rule, whole)
    answers = []
    for case in cases:
        image = case.evidence.image.image
        named = {"image": image.digest, "platform": image.platform}
        answers += [answer.model_copy(update=named) for answer in _ask(rule, case)]
    return answers


def _by_bytes(disposed: Disposed, name: str, observed: Mapping[str, str], grants: Sequence[Grant]) -> Disposed:
    """Let a declared Python reference share the grant of the package that the image has in the granted bytes."""
    python = {Kind.PYPI, Kind.URL, Kind.VCS, Kind.LOCAL}
    if disposed.disposition in {Disposition.SAFELISTED, Disposition.GRANTED} or disposed.kind not in python:
        return disposed
    grant = observed.get(name, "")
    if not any(known.id == grant and known.kind is Kind.PYPI for known in grants):
        return disposed
    return disposed.model_copy(
        update={"disposition": Disposition.GRANTED, "code": "granted", "grant": grant, "request": ""}
    )


def _ask(rule: Rule, case: Case) -> list[RuleResult]:
    try:
        answers = list(rule.check(case))
    except Exception as error:  # noqa: BLE001 - a rule that raises must hold, whatever it raises
        return [result(OWN, Status.UNKNOWN, "rule_failed", rule.id, name=rule.id, error=type(error).__name__)]
    return answers or [result(OWN, Status.UNKNOWN, "rule_silent", rule.id, name=rule.id)]


def _fold(results: Sequence[RuleResult]) -> Outcome:
    said = {answer.status for answer in results}
    if Status.FAIL in said:
        return Outcome.DISCARD
    if Status.UNKNOWN in said or Status.PASS not in said:
        return Outcome.HOLD
    return Outcome.PROMOTE


def _counts(case: Case) -> dict[str, int]:
    counts = Counter[str]()
    for name, disposed in (("references", case.references), ("components", case.components)):
        counts[name] = len(disposed)
        counts.update(f"{name}_{part.disposition.value}" for part in disposed)
    views = case.evidence.views()
    counts["findings"] = sum(len(report.findings) for view in views for report in view.findings.reports)
    if len(views) > 1:
        counts["images"] = len(views)
    return dict(sorted(counts.items()))


def _recorded(evidence: Evidence) -> tuple[str, ...]:
    reports = (report for view in evidence.views() for report in view.findings.reports)
    return tuple(sorted({report.source for report in reports if report.recorded}))


def _missing(results: Sequence[RuleResult]) -> tuple[str, ...]:
    """Name the sources without whose evidence nothing passes, and that gave none that counts."""
    holding = [one for one in results if one.status is Status.UNKNOWN and one.rule in EVIDENCE]
    return tuple(sorted({EVIDENCE[one.rule] or one.subject for one in holding}))


def _requests(outcome: Outcome, results: Sequence[RuleResult]) -> tuple[str, ...]:
    if outcome is Outcome.PROMOTE:
        return ()
    return tuple(sorted({answer.request for answer in results if answer.request}))[:MOST_REQUESTS]
