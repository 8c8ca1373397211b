"""What a decision makes of the closed set: what nobody resolved passes nothing; what lies in the image is judged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from evaluation.worlds import DIGEST, NOW, closed, evidence, policy, submission

from gate.account import reasons
from gate.model.base import sha256_of
from gate.model.decision import Decision, Outcome, Status
from gate.model.evidence import Evidence, Sibling
from gate.model.exception import Grant, GrantedFile, Scope
from gate.model.failure import Failure
from gate.model.finding import Finding, FindingSeverity
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.model.reference import Declared, Problem, Reference, Severity
from gate.model.resolution import ImageSet, ProjectStatus, Resolution
from gate.policy.decide import decide
from gate.policy.schema import ResolutionPolicy
from gate.policy.words import Demand

if TYPE_CHECKING:
    from gate.policy.schema import Policy

RULE = "declared-resolved"
YOUNG = NOW - timedelta(hours=3)
FAILURE = Failure(code="unreachable", message="the index did not answer", hint="try again when it answers")


def under(demand: Demand, **more: Any) -> Policy:
    given = policy()
    resolution = ResolutionPolicy(evaluations=demand, **more)
    return given.model_copy(update={"decision": given.decision.model_copy(update={"resolution": resolution})})


def given(resolved: ImageSet | None, **update: Any) -> Evidence:
    found = evidence(submission(), (), submitted_at=NOW, now=NOW)
    return found.model_copy(update={"resolved": resolved, **update})


def judged(resolved: ImageSet | None, demand: Demand, **update: Any) -> Decision:
    return decide(given(resolved, **update), under(demand), NOW)


def told(decision: Decision, rule: str = RULE) -> list[tuple[Status, str]]:
    for one in reasons(decision.results):
        assert "unknown" not in one.reason
        assert one.status is Status.PASS or one.way_out, one
    return [(one.status, one.code) for one in decision.results if one.rule == rule]


def with_file(**update: Any) -> ImageSet:
    resolution = closed().resolution
    assert resolution is not None
    (file,) = resolution.packages[0].files
    return closed(files=(file.model_copy(update=update),))


def with_problems(*codes: str, packages: bool = True, severity: Severity = Severity.ERROR) -> ImageSet:
    resolution = closed().resolution
    assert resolution is not None
    problems = tuple(Problem(code=code, message="why", file="r.txt", line=1, severity=severity) for code in codes)
    kept = resolution.packages if packages else ()
    return ImageSet(resolution=resolution.model_copy(update={"problems": problems, "packages": kept}))


@pytest.mark.parametrize("demand", [Demand.REQUIRED, Demand.ADVISORY])
def test_a_closed_set_that_lies_in_the_image_passes_and_says_for_what_it_is(demand: Demand) -> None:
    decision = judged(closed(), demand)
    assert (decision.outcome, told(decision)) == (Outcome.PROMOTE, [(Status.PASS, "resolved")])
    (only,) = [one for one in decision.results if one.rule == RULE]
    assert only.params["platform"] == "linux-x86_64"
    assert (only.params["packages"], only.params["inside"]) == ("1", "1")


@pytest.mark.parametrize(("resolved", "code"), [(None, "not_resolved"), (ImageSet(failure=FAILURE), "resolver_failed")])
def test_what_nobody_could_resolve_is_never_no_drift(resolved: ImageSet | None, code: str) -> None:
    held = judged(resolved, Demand.REQUIRED)
    assert (held.outcome, told(held), held.missing) == (Outcome.HOLD, [(Status.UNKNOWN, code)], ("resolver",))
    advised = judged(resolved, Demand.ADVISORY)
    assert (advised.outcome, told(advised)) == (Outcome.PROMOTE, [(Status.WARN, code)])


def test_a_failure_is_told_with_its_code_and_what_to_do() -> None:
    (reason,) = [one for one in reasons(judged(ImageSet(failure=FAILURE), Demand.REQUIRED).results) if one.rule == RULE]
    assert "[unreachable]" in reason.reason
    assert reason.way_out.startswith("try again when it answers")
    bare = Failure(code="x", message="y")
    assert "mend that" in next(
        one.way_out for one in reasons(judged(ImageSet(failure=bare), Demand.REQUIRED).results) if one.rule == RULE
    )


def test_what_was_held_too_long_for_a_resolver_is_discarded_as_not_looked_at() -> None:
    waiting = given(ImageSet(failure=FAILURE), submitted_at=NOW - timedelta(days=3))
    assert decide(waiting, under(Demand.REQUIRED), NOW).outcome is Outcome.DISCARD


@pytest.mark.parametrize("later", [timedelta(days=1, seconds=1), timedelta(seconds=-1)], ids=["old", "to-come"])
def test_a_set_of_another_time_is_none(later: timedelta) -> None:
    """A run that was taken up again after days decides on no set of then."""
    found = given(closed(), submitted_at=NOW + later)
    held = decide(found, under(Demand.REQUIRED), NOW + later)
    assert told(held) == [(Status.UNKNOWN, "set_old")]
    assert held.missing[-1] == "resolver"
    assert told(decide(found, under(Demand.ADVISORY), NOW + later)) == [(Status.WARN, "set_old")]
    longer = decide(found, under(Demand.REQUIRED, max_age=timedelta(days=2)), NOW + later)
    assert (told(longer) == [(Status.PASS, "resolved")]) == (later > timedelta(0))


def test_policy_can_have_nothing_resolved_and_the_decision_says_so() -> None:
    decision = judged(None, Demand.NEVER)
    assert (decision.outcome, told(decision)) == (Outcome.PROMOTE, [(Status.PASS, "not_asked")])


def test_an_empty_set_behind_declared_packages_is_not_clean() -> None:
    empty = with_problems(packages=False)
    held = judged(empty, Demand.REQUIRED)
    assert (held.outcome, told(held)) == (Outcome.HOLD, [(Status.UNKNOWN, "nothing_resolved")])
    assert told(judged(empty, Demand.ADVISORY)) == [(Status.WARN, "nothing_resolved")]


def test_a_definition_without_packages_has_nothing_to_resolve() -> None:
    base = Reference(kind=Kind.IMAGE, name="mcr.microsoft.com/base", file="Dockerfile", line=1)
    decision = judged(
        with_problems(packages=False), Demand.REQUIRED, environment=Declared(references=(base,), files=("Dockerfile",))
    )
    assert told(decision) == [(Status.PASS, "nothing_declared")]


@pytest.mark.parametrize(
    ("resolved", "rule", "code", "status"),
    [
        (with_file(yanked="broken"), "yanked", "yanked", Status.FAIL),
        (with_file(upload_time=YOUNG), "cooling-off", "too_young", Status.FAIL),
        (with_file(upload_time=None), "cooling-off", "upload_time_unknown", Status.UNKNOWN),
        (with_file(sha256=""), "set-closed", "digest_unknown", Status.UNKNOWN),
        (closed(files=()), "set-closed", "file_missing", Status.UNKNOWN),
        (closed(status=ProjectStatus.ARCHIVED), "project-status", "archived", Status.FAIL),
        (with_problems("unsatisfiable", packages=False), "set-closed", "unsatisfiable", Status.UNKNOWN),
        (with_problems("no_fitting_file"), "set-closed", "no_fitting_file", Status.UNKNOWN),
    ],
)
def test_the_rules_of_closed_sets_judge_what_lies_in_the_image(
    resolved: ImageSet, rule: str, code: str, status: Status
) -> None:
    required = judged(resolved, Demand.REQUIRED)
    assert (status, code) in told(required, rule)
    assert required.outcome is {Status.FAIL: Outcome.DISCARD, Status.UNKNOWN: Outcome.HOLD}[status]
    assert (Status.PASS, "resolved") not in told(required)
    advised = judged(resolved, Demand.ADVISORY)
    assert (Status.WARN, code) in told(advised, rule)
    assert advised.outcome is Outcome.PROMOTE


def test_a_project_in_quarantine_is_refused_even_where_the_set_is_advice() -> None:
    decision = judged(closed(status=ProjectStatus.QUARANTINED), Demand.ADVISORY)
    assert (decision.outcome, told(decision, "project-status")) == (
        Outcome.DISCARD,
        [(Status.FAIL, "quarantined")],
    )


def test_what_lies_in_the_image_in_another_version_is_not_judged_by_the_file_of_this_one() -> None:
    resolution = with_file(yanked="broken").resolution
    assert resolution is not None
    other = resolution.packages[0].model_copy(update={"version": "1.17.0"})
    moved = ImageSet(resolution=resolution.model_copy(update={"packages": (other,)}))
    decision = judged(moved, Demand.REQUIRED)
    assert told(decision, "yanked") == []
    (only,) = [one for one in decision.results if one.rule == RULE]
    assert (only.code, only.params["inside"]) == ("resolved", "0")


def test_a_version_spelled_otherwise_is_the_same_and_is_judged() -> None:
    resolution = with_file(yanked="broken").resolution
    assert resolution is not None
    same = resolution.packages[0].model_copy(update={"name": "Six", "version": "1.16"})
    spelled = ImageSet(resolution=resolution.model_copy(update={"packages": (same,)}))
    assert told(judged(spelled, Demand.REQUIRED), "yanked") == [(Status.FAIL, "yanked")]


@pytest.mark.parametrize("code", ["not_resolvable", "origin_undetermined", "origin_not_safelisted", "reserved_name"])
def test_what_other_rules_judge_is_told_and_does_not_hold_for_ever(code: str) -> None:
    decision = judged(with_problems(code), Demand.REQUIRED)
    assert told(decision) == [(Status.WARN, "set_partial"), (Status.PASS, "resolved")]
    assert told(decision, "reserved-name") == []
    assert decision.outcome is Outcome.PROMOTE
    nothing = judged(with_problems(code, packages=False), Demand.REQUIRED)
    assert told(nothing) == [(Status.WARN, "set_partial")]


def test_a_warning_of_the_resolution_keeps_nothing() -> None:
    decision = judged(with_problems("origin_undetermined", severity=Severity.WARNING), Demand.REQUIRED)
    assert told(decision) == [(Status.PASS, "resolved")]


def grant(repository: str) -> Grant:
    return Grant(
        id="GRT-six",
        kind=Kind.PYPI,
        name="six",
        version="1.16.0",
        files=(GrantedFile(filename="six-1.16.0-py2.py3-none-any.whl", sha256="sha256:" + "6" * 64, size=1),),
        scope=Scope(repositories=(repository,)),
        owner=Principal(tenant="t", object_id="o"),
        approver=Principal(tenant="t", object_id="a"),
        reason="reviewed",
        not_before=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=1),
    )


def test_a_grant_lifts_what_it_is_for_in_its_own_place_alone() -> None:
    for repository, expected in (
        ("registry.example/staging/app", (Status.WARN, "granted")),
        ("registry.example/staging/other", (Status.FAIL, "yanked")),
    ):
        found = evidence(submission(), (grant(repository),), submitted_at=NOW, now=NOW)
        decision = decide(
            found.model_copy(update={"resolved": with_file(yanked="broken")}), under(Demand.REQUIRED), NOW
        )
        assert told(decision, "yanked") == [expected]


def test_a_young_release_that_mends_what_blocks_need_not_wait() -> None:
    mends = Finding(
        ids=("CVE-2026-1",),
        component="pypi/six",
        version="1.15.0",
        severity=FindingSeverity.CRITICAL,
        fixed_in=("1.16.0",),
    )
    young = with_file(upload_time=YOUNG).model_copy(update={"mends": (mends,)})
    assert told(judged(young, Demand.REQUIRED), "cooling-off") == [(Status.WARN, "waived_for_fix")]


def test_a_look_up_of_what_would_be_mended_that_failed_is_told() -> None:
    decision = judged(with_problems("mends_unknown", severity=Severity.WARNING), Demand.REQUIRED)
    assert told(decision) == [(Status.WARN, "mends_unknown"), (Status.PASS, "resolved")]


def test_hundreds_of_results_are_counted_and_the_worst_of_the_rest_counts() -> None:
    codes = ["unsatisfiable"] * 150
    decision = judged(with_problems(*codes), Demand.REQUIRED)
    assert len(told(decision, "set-closed")) == 100
    assert told(decision) == [(Status.UNKNOWN, "more")]
    assert told(judged(with_problems(*codes), Demand.ADVISORY)) == [(Status.WARN, "more")]


def test_each_image_of_an_index_is_held_against_its_own_set() -> None:
    found = given(closed())
    image = found.image.image.model_copy(update={"digest": sha256_of(b"other"), "platform": "linux/arm64"})
    other = found.image.model_copy(update={"image": image})
    sibling = Sibling(image=other, findings=found.findings, resolved=ImageSet(failure=FAILURE))
    decision = decide(found.model_copy(update={"siblings": (sibling,)}), under(Demand.REQUIRED), NOW)
    met = [(one.platform, one.code) for one in decision.results if one.rule == RULE]
    assert met == [("linux/amd64", "resolved"), ("linux/arm64", "resolver_failed")]


def test_a_set_is_evidence_and_a_decision_from_storage_is_the_same() -> None:
    found = given(closed())
    sibling = Sibling(image=found.image, findings=found.findings, resolved=closed())
    for case in (
        found,
        given(None),
        found.model_copy(update={"siblings": (sibling, sibling.model_copy(update={"resolved": None}))}),
    ):
        manifest, parts = case.split()
        again = type(manifest).parse(manifest.canonical()).join(parts)
        assert again == case
        known = under(Demand.REQUIRED)
        assert decide(again, known, NOW).canonical() == decide(case, known, NOW).canonical()


def test_an_altered_or_stray_set_is_refused() -> None:
    manifest, parts = given(closed()).split()
    digest = manifest.parts["resolved"]
    with pytest.raises(ValueError, match="missing or altered"):
        manifest.join({**parts, digest: parts[digest] + b" "})
    stray = manifest.model_copy(update={"parts": {**manifest.parts, "resolved.0": digest}})
    with pytest.raises(ValueError, match="other parts"):
        stray.join(parts)


def test_a_set_says_what_it_is_or_why_there_is_none() -> None:
    resolution = Resolution(platform="linux-x86_64", python="3.11", resolved_at=NOW)
    with pytest.raises(ValueError, match="closed set"):
        ImageSet(resolution=resolution, failure=FAILURE)
    with pytest.raises(ValueError, match="closed set"):
        ImageSet()
    assert str(given(closed()).subject) == DIGEST
