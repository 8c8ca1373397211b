"""A blocking vulnerability without a fix is offered a waiver, by the same request each time; nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from evaluation.worlds import DIGEST, NOW, evidence, policy, sources, submission

from gate.model.decision import Decision, Outcome, RuleResult
from gate.model.evidence import Evidence
from gate.model.exception import Subject
from gate.model.finding import Finding, FindingSeverity, ScanState
from gate.model.origin import Kind
from gate.policy.decide import decide
from gate.policy.rules.findings import MOST_WAIVERS

PLACE = submission().ref.place


def found(part: tuple[str, str] = ("six", "1.16.0"), **changes: Any) -> Finding:
    facts = {"ids": ("GHSA-1", "CVE-2026-1"), "component": part[0], "version": part[1], "severity": "high"}
    return Finding.model_validate(facts | changes)


def seen(*told: Finding) -> Evidence:
    scan, audit = sources(DIGEST, NOW)
    reports = [scan, audit.model_copy(update={"findings": told, "state": ScanState.FINDINGS})]
    return evidence(submission(), (), submitted_at=NOW, now=NOW, reports=reports)


def installed() -> tuple[str, str]:
    """Return a Python package that the image of these tests has."""
    part = next(one for one in seen(found()).image.components if one.kind is Kind.PYPI)
    return part.name, part.version


def offered(decision: Decision) -> list[RuleResult]:
    return [one for one in decision.results if one.rule == "findings" and one.request]


def test_what_no_version_fixes_is_offered_one_waiver_that_the_decision_names() -> None:
    name, version = installed()
    decision = decide(seen(found((name, version))), policy(), NOW)
    (one,) = offered(decision)
    subject = Subject(kind=Kind.PYPI, name=name, version=version, repository=PLACE, vulnerability="CVE-2026-1")
    assert (decision.outcome, one.request) == (Outcome.DISCARD, subject.request_id())
    assert one.waiver(PLACE) == subject
    assert one.request in decision.requests
    assert decision.subjects()[one.request] == subject


def test_it_is_the_same_request_whatever_source_told_first_and_however_it_spells_the_name() -> None:
    name, version = installed()
    first = decide(seen(found((name, version))), policy(), NOW)
    other = found((name.upper().replace("-", "_"), version), ids=("CVE-2026-1", "PYSEC-1", "GHSA-1"))
    (one,), (two,) = offered(first), offered(decide(seen(other), policy(), NOW))
    assert one.request == two.request


@pytest.mark.parametrize(
    "changes",
    [
        {"fixed_in": ("9.9",)},
        {"malicious": True},
        {"exploited_since": "2026-11-01"},
        {"severity": FindingSeverity.LOW},
        {"ids": ("no id at all", "*")},
        {"version": "0.0.1"},
        {"component": "not-there"},
        {"component": "s*"},
    ],
    ids=str,
)
def test_what_is_mended_otherwise_or_can_not_be_named_is_offered_none(changes: dict[str, Any]) -> None:
    decision = decide(seen(found(installed(), **changes)), policy(), NOW)
    assert offered(decision) == []
    assert all(one.waiver(PLACE) is None for one in decision.results)


def test_what_policy_never_excepts_is_offered_none() -> None:
    known, (name, version) = policy(), installed()
    never = known.workflow.model_copy(update={"never": (f"pypi/{name.upper()}",)})
    decision = decide(seen(found((name, version))), known.model_copy(update={"workflow": never}), NOW)
    assert decision.outcome is Outcome.DISCARD
    assert offered(decision) == []


def test_an_image_with_too_many_is_offered_none_of_them() -> None:
    part = installed()
    few = [found(part, ids=(f"CVE-2026-{number}",)) for number in range(MOST_WAIVERS)]
    assert len(offered(decide(seen(*few), policy(), NOW))) == MOST_WAIVERS
    more = decide(seen(*few, found(part, ids=("CVE-2026-9999",))), policy(), NOW)
    assert offered(more) == []
    assert more.outcome is Outcome.DISCARD
