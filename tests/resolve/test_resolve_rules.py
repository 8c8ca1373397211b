"""Each rule refuses what it is there for, and none passes a set that it has not looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from resolve.resolve_world import CHANNEL, INDEX, NOW, policy

from gate.model.decision import RuleResult, Status
from gate.model.exception import Grant, GrantedFile, Scope
from gate.model.finding import Finding, FindingSeverity
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.principal import Principal
from gate.model.reference import Problem, Severity
from gate.model.resolution import FileKind, ProjectStatus, Resolution, ResolvedFile, ResolvedPackage
from gate.policy.schema import ResolutionPolicy, Treatment
from gate.policy.sets import ALL, EXCEPTABLE, judge
from gate.policy.sets.rule import ClosedSet

SHA = "sha256:" + "a" * 64
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def file(**update: object) -> ResolvedFile:
    base = ResolvedFile(
        filename="one-1.0-py3-none-any.whl",
        url="https://files.example/one-1.0-py3-none-any.whl",
        sha256=SHA,
        size=10,
        upload_time=LONG_AGO,
        kind=FileKind.WHEEL,
    )
    return base.model_copy(update=update)


def package(*files: ResolvedFile, **update: object) -> ResolvedPackage:
    base = ResolvedPackage(kind=Kind.PYPI, name="one", version="1.0", origin=INDEX, files=files or (file(),))
    return base.model_copy(update=update)


def case(*packages: ResolvedPackage, problems: tuple[Problem, ...] = (), **update: object) -> ClosedSet:
    found = Resolution(platform="linux-x86_64", python="3.11", packages=packages, problems=problems, resolved_at=NOW)
    fields = {"policy": policy(reserved=("acme-*",)), "demands": ResolutionPolicy(), "now": NOW} | update
    return ClosedSet(resolution=found, **fields)  # type: ignore[arg-type]  # each test names fields of the case


def told(what: ClosedSet) -> list[tuple[str, Status, str]]:
    """Return what is more than a pass, by rule."""
    return [(one.rule, one.status, one.code) for one in judge(what) if one.status is not Status.PASS]


def finding(**update: object) -> Finding:
    base = Finding(
        ids=("CVE-2026-1", "GHSA-1"), component="one", version="0.9", severity=FindingSeverity.HIGH, fixed_in=("1.0",)
    )
    return base.model_copy(update=update)


def test_a_sound_set_passes_every_rule_and_says_how_much_was_looked_at() -> None:
    results = judge(case(package()))
    assert [result.rule for result in results] == [rule.id for rule in ALL]
    assert {result.status for result in results} == {Status.PASS}
    assert {result.params["packages"] for result in results} == {"1"}


def test_an_empty_set_passes_no_rule() -> None:
    results = judge(case())
    assert {result.status for result in results} == {Status.UNKNOWN}
    assert {result.code for result in results} == {"nothing_resolved"}
    assert len(results) == len(ALL)


@pytest.mark.parametrize(
    ("code", "told_as"), [("unsatisfiable", "unsatisfiable"), ("a_code_of_tomorrow", "not_closed")]
)
def test_a_problem_of_the_resolution_keeps_the_set_open(code: str, told_as: str) -> None:
    problem = Problem(code=code, message="no", file="requirements.txt", line=3)
    results = judge(case(package(), problems=(problem,)))
    open_ones = [result for result in results if result.rule == "set-closed"]
    assert [(one.status, one.code, one.params["where"]) for one in open_ones] == [
        (Status.UNKNOWN, told_as, "requirements.txt:3")
    ]


def test_a_warning_of_the_resolution_does_not() -> None:
    problem = Problem(code="nothing_to_resolve", message="no", file="", severity=Severity.WARNING)
    assert told(case(package(), problems=(problem,))) == []


@pytest.mark.parametrize(
    ("broken", "code"),
    [(package(files=()), "file_missing"), (package(file(sha256="")), "digest_unknown")],
)
def test_a_package_without_known_bytes_keeps_the_set_open(broken: ResolvedPackage, code: str) -> None:
    assert ("set-closed", Status.UNKNOWN, code) in told(case(broken))


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        (ProjectStatus.QUARANTINED, Status.FAIL, "quarantined"),
        (ProjectStatus.ARCHIVED, Status.FAIL, "archived"),
        (ProjectStatus.DEPRECATED, Status.WARN, "deprecated"),
        (ProjectStatus.UNKNOWN, Status.UNKNOWN, "status_unknown"),
    ],
)
def test_a_status_that_is_more_than_active_is_told(status: ProjectStatus, expected: Status, code: str) -> None:
    assert told(case(package(status=status, status_reason="because"))) == [("project-status", expected, code)]


@pytest.mark.parametrize("status", [ProjectStatus.ACTIVE, ProjectStatus.UNSAID])
def test_an_index_that_says_nothing_contradicts_nothing(status: ProjectStatus) -> None:
    assert told(case(package(status=status))) == []


def test_policy_says_what_archived_and_deprecated_mean() -> None:
    demands = ResolutionPolicy(archived=Treatment.WARN, deprecated=Treatment.BLOCK)
    archived, deprecated = package(status=ProjectStatus.ARCHIVED), package(status=ProjectStatus.DEPRECATED)
    assert [status for _, status, _ in told(case(archived, demands=demands))] == [Status.WARN]
    assert [status for _, status, _ in told(case(deprecated, demands=demands))] == [Status.FAIL]


def test_no_policy_lets_a_quarantined_project_in() -> None:
    demands = ResolutionPolicy(archived=Treatment.ALLOW, deprecated=Treatment.ALLOW, yanked=Treatment.ALLOW)
    found = told(case(package(status=ProjectStatus.QUARANTINED), demands=demands))
    assert found == [("project-status", Status.FAIL, "quarantined")]


@pytest.mark.parametrize("reason", ["", "broken"])
def test_a_yanked_file_fails_with_or_without_a_reason(reason: str) -> None:
    assert told(case(package(file(yanked=reason)))) == [("yanked", Status.FAIL, "yanked")]


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (timedelta(days=3), ""),
        (timedelta(days=3) - timedelta(microseconds=1), "too_young"),
        (timedelta(0), "too_young"),
        (-timedelta(microseconds=1), "uploaded_in_future"),
    ],
)
def test_the_cooling_off_ends_at_its_very_instant(age: timedelta, code: str) -> None:
    assert [found for *_, found in told(case(package(file(upload_time=NOW - age))))] == ([code] if code else [])


def test_an_unknown_upload_time_blocks() -> None:
    assert told(case(package(file(upload_time=None)))) == [("cooling-off", Status.UNKNOWN, "upload_time_unknown")]


def test_the_fix_of_what_blocks_the_same_environment_need_not_wait() -> None:
    young = package(file(upload_time=NOW))
    results = [one for one in judge(case(young, blocking=(finding(),))) if one.rule == "cooling-off"]
    assert [(one.status, one.code) for one in results] == [(Status.WARN, "waived_for_fix"), (Status.PASS, "passed")]
    assert results[0].params["advisory"] == "CVE-2026-1"


@pytest.mark.parametrize(
    "other",
    [
        finding(component="another"),
        finding(component="conda/one"),
        finding(fixed_in=()),
        finding(fixed_in=("0.9.5",)),
        finding(fixed_in=("nonsense",)),
        finding(version="1.0"),
        finding(version="2.0"),
        finding(version=""),
    ],
)
def test_nothing_else_waives_the_wait(other: Finding) -> None:
    young = package(file(upload_time=NOW))
    assert told(case(young, blocking=(other,))) == [("cooling-off", Status.FAIL, "too_young")]


def test_a_fix_of_unknown_upload_time_still_blocks() -> None:
    found = told(case(package(file(upload_time=None)), blocking=(finding(),)))
    assert found == [("cooling-off", Status.UNKNOWN, "upload_time_unknown")]


def test_a_version_that_is_none_is_no_fix() -> None:
    young = package(file(upload_time=NOW), version="nonsense")
    assert told(case(young, blocking=(finding(fixed_in=("nonsense",)),))) == [("cooling-off", Status.FAIL, "too_young")]


def test_a_finding_without_a_name_still_waives_under_some_word() -> None:
    young = package(file(upload_time=NOW))
    results = judge(case(young, blocking=(finding(ids=()),)))
    assert [one.params["advisory"] for one in results if one.code == "waived_for_fix"] == ["an advisory"]


def test_a_source_distribution_fails_where_wheels_are_demanded() -> None:
    source = package(file(kind=FileKind.SDIST))
    assert told(case(source)) == [("wheels-only", Status.FAIL, "source_distribution")]
    relaxed = told(case(source, demands=ResolutionPolicy(source_distributions=Treatment.WARN)))
    assert relaxed == [("wheels-only", Status.WARN, "source_distribution")]


def test_a_project_of_sources_alone_fails_in_any_case() -> None:
    problem = Problem(code="source_only", message="no", file="requirements.txt", line=1)
    demands = ResolutionPolicy(source_distributions=Treatment.WARN)
    assert ("wheels-only", Status.FAIL, "source_only") in told(case(package(), problems=(problem,), demands=demands))


@pytest.mark.parametrize(("unpinned", "expected"), [(Treatment.WARN, Status.WARN), (Treatment.BLOCK, Status.FAIL)])
def test_a_declaration_without_a_pin_is_told(unpinned: Treatment, expected: Status) -> None:
    loose = package(declared=("requirements.txt:1",))
    assert told(case(loose, demands=ResolutionPolicy(unpinned=unpinned))) == [("pinned", expected, "unpinned")]


def test_what_only_others_ask_for_needs_no_pin() -> None:
    assert told(case(package(), demands=ResolutionPolicy(unpinned=Treatment.BLOCK))) == []


def test_a_private_name_from_a_public_index_fails() -> None:
    assert told(case(package(name="acme-core"))) == [("reserved-name", Status.FAIL, "reserved_from_public")]


def test_a_private_name_from_the_organisations_own_index_passes() -> None:
    corp = Origin(kind=OriginKind.PYTHON_INDEX, location="corp")
    assert told(case(package(name="acme-core", origin=corp), own_indexes=frozenset({"corp"}))) == []


def test_a_conda_package_of_a_private_python_name_is_another_thing() -> None:
    assert told(case(package(name="acme-core", kind=Kind.CONDA, origin=CHANNEL))) == []


def test_a_private_name_that_was_withheld_fails() -> None:
    problem = Problem(code="reserved_name", message="no", file="requirements.txt", line=1)
    assert ("reserved-name", Status.FAIL, "reserved_wanted") in told(case(package(), problems=(problem,)))


def grant(**update: object) -> Grant:
    """Return a grant for the bytes of the one file, in force."""
    person = Principal(tenant="acme", object_id="scientist")
    base = Grant(
        id="GRT-1",
        kind=Kind.PYPI,
        name="one",
        version="1.0",
        files=(GrantedFile(filename="one-1.0-py3-none-any.whl", sha256=SHA, size=10),),
        scope=Scope(repositories=("example.org/staging/",)),
        owner=person,
        approver=person.model_copy(update={"object_id": "steward"}),
        reason="reviewed",
        not_before=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=1),
    )
    return base.model_copy(update=update)


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (package(file(upload_time=NOW)), "too_young"),
        (package(file(upload_time=None)), "upload_time_unknown"),
        (package(file(yanked="broken")), "yanked"),
        (package(status=ProjectStatus.ARCHIVED), "archived"),
    ],
)
def test_a_grant_for_these_bytes_lifts_the_refusal_and_is_told(refused: ResolvedPackage, code: str) -> None:
    lifted = [one for one in judge(case(refused, grants=(grant(),))) if one.status is not Status.PASS]
    assert [(one.status, one.code, one.params["grant"], one.params["lifts"]) for one in lifted] == [
        (Status.WARN, "granted", "GRT-1", code)
    ]
    standing = policy().model_copy(update={"grants": (grant(),)})
    assert [one.code for one in judge(case(refused, policy=standing)) if one.status is not Status.PASS] == ["granted"]


@pytest.mark.parametrize(
    "other",
    [
        grant(name="two"),
        grant(version="1.1"),
        grant(kind=Kind.CONDA),
        grant(files=(GrantedFile(filename="one-1.0-py3-none-any.whl", sha256="sha256:" + "b" * 64, size=10),)),
        grant(not_before=NOW + timedelta(seconds=1)),
        grant(expires=NOW),
    ],
    ids=["another name", "another version", "another kind", "other bytes", "not yet", "no more"],
)
def test_a_grant_for_anything_else_lifts_nothing(other: Grant) -> None:
    young = package(file(upload_time=NOW))
    assert told(case(young, grants=(other,))) == [("cooling-off", Status.FAIL, "too_young")]


def test_no_grant_lifts_what_is_no_matter_of_bytes() -> None:
    quarantined = package(status=ProjectStatus.QUARANTINED)
    assert told(case(quarantined, grants=(grant(),))) == [("project-status", Status.FAIL, "quarantined")]
    source = package(file(kind=FileKind.SDIST))
    assert told(case(source, grants=(grant(),))) == [("wheels-only", Status.FAIL, "source_distribution")]
    private = package(name="acme-core")
    assert told(case(private, grants=(grant(name="acme-core"),))) == [
        ("reserved-name", Status.FAIL, "reserved_from_public")
    ]
    nameless = package(file(sha256="", upload_time=NOW))
    assert ("cooling-off", Status.FAIL, "too_young") in told(case(nameless, grants=(grant(),)))


def test_policy_may_say_nothing_of_what_it_allows_and_still_counts_what_it_looked_at() -> None:
    allow = Treatment.ALLOW
    demands = ResolutionPolicy(
        source_distributions=allow, unpinned=allow, yanked=allow, archived=allow, deprecated=allow
    )
    odd = package(file(kind=FileKind.SDIST, yanked=""), status=ProjectStatus.ARCHIVED, declared=("f:1",))
    results = judge(case(odd, demands=demands))
    assert {one.status for one in results} == {Status.PASS}
    assert {one.params["packages"] for one in results} == {"1"}


def test_what_an_exception_can_be_asked_for_are_codes_of_the_rules() -> None:
    known = {(rule.id, code) for rule in ALL for code in rule.codes}
    assert known >= EXCEPTABLE
    assert not {code for _, code in EXCEPTABLE} & {"quarantined", "reserved_from_public", "reserved_wanted"}


def every_result() -> list[RuleResult]:
    """Return results of as many codes as there are."""
    problems = tuple(
        Problem(code=code, message="m", file="f", line=1)
        for code in (*(code for code in ALL[0].codes if code not in {"passed", "nothing_resolved"}), "reserved_name")
    )
    odd = [
        package(files=()),
        package(file(sha256="")),
        package(file(yanked="")),
        package(file(upload_time=None)),
        package(file(upload_time=NOW)),
        package(file(upload_time=NOW + timedelta(days=1))),
        package(file(upload_time=NOW), name="two"),
        package(file(kind=FileKind.SDIST)),
        package(name="acme-core"),
        package(declared=("f:1",)),
        *(package(status=status) for status in ProjectStatus),
    ]
    blocking = (finding(component="two"),)
    return [
        *judge(case(package())),
        *judge(case()),
        *judge(case(*odd, problems=problems, blocking=blocking)),
        *judge(case(package(file(yanked="", upload_time=NOW), status=ProjectStatus.ARCHIVED), grants=(grant(),))),
    ]


def test_every_code_is_explained_and_every_explanation_filled() -> None:
    by_id = {rule.id: rule for rule in ALL}
    seen = set()
    for result in every_result():
        explanation = by_id[result.rule].codes[result.code]
        assert (explanation.reason + explanation.way_out).format(**result.params)
        seen.add((result.rule, result.code))
    assert seen == {(rule.id, code) for rule in ALL for code in rule.codes}
    assert all(rule.title for rule in ALL)
