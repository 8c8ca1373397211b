"""What single rules say of cases that `decide` can't make, and of places that definitions put in scope."""

from __future__ import annotations

from evaluation.worlds import NOW, PYPI, evidence, policy, submission

from gate.model.decision import Outcome, Status
from gate.model.evidence import Evidence
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.reference import Declared, Reference, Source
from gate.policy.decide import decide
from gate.policy.rule import Case
from gate.policy.rules.component_origin import ComponentOrigin
from gate.policy.rules.declared_origin import DeclaredOrigin

EXTRA = Origin(kind=OriginKind.PYTHON_INDEX, location="https://packages.example/simple")


def with_sources(*origins: Origin, reference: Origin = PYPI) -> Evidence:
    declared = Declared(
        references=(Reference(kind=Kind.PYPI, name="six", spec="==1.16.0", origins=(reference,), file="r", line=2),),
        sources=tuple(Source(origin=origin, file="r", line=1) for origin in origins),
        files=("r",),
    )
    return evidence(submission(), (), submitted_at=NOW, now=NOW).model_copy(update={"environment": declared})


def test_a_rule_that_lost_a_reference_or_a_component_is_unknown() -> None:
    case = Case(evidence=with_sources(), policy=policy(), now=NOW, references=(), components=())
    for rule in (DeclaredOrigin(), ComponentOrigin()):
        assert [(r.status, r.code) for r in rule.check(case)] == [(Status.UNKNOWN, "counts_differ")]


def test_a_safelisted_place_in_scope_passes() -> None:
    assert decide(with_sources(PYPI), policy(), NOW).outcome is Outcome.PROMOTE


def test_a_place_in_scope_that_delivers_nothing_seen_is_refused_all_the_same() -> None:
    decision = decide(with_sources(PYPI, EXTRA), policy(), NOW)
    assert decision.outcome is Outcome.DISCARD
    refused = [r for r in decision.results if r.status is Status.FAIL]
    assert [(r.code, r.subject) for r in refused] == [("source_not_safelisted", "r:1")]


def test_a_place_in_scope_through_which_something_ungranted_comes_is_refused() -> None:
    codes = {r.code for r in decide(with_sources(EXTRA, reference=EXTRA), policy(), NOW).results}
    assert {"source_not_safelisted", "origin_python_index"} <= codes
