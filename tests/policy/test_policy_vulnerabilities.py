"""Which vulnerabilities block: severity, fix and its age, exploited or not, base or own; and what a waiver hides."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from evaluation.worlds import DIGEST, NOW, evidence, policy, sources, submission
from pydantic import ValidationError

from gate.model.decision import Decision, Outcome, RuleResult, Status
from gate.model.evidence import Evidence, ExceptionFacts
from gate.model.exception import Grant, Justification, Scope, Subject, Waived
from gate.model.finding import Finding, FindingSeverity, ScanState, SourceReport
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.policy.decide import decide
from gate.policy.evidence import AdvisoryPolicy, Bar, DefenderPolicy, ExploitedPolicy, FindingPolicy
from gate.policy.words import Treatment

if TYPE_CHECKING:
    from gate.policy.schema import Policy

HIGH, LOW, UNKNOWN = FindingSeverity.HIGH, FindingSeverity.LOW, FindingSeverity.UNKNOWN
CRITICAL = FindingSeverity.CRITICAL
DAY = timedelta(days=1)
ANN, BOB = Principal(tenant="acme", object_id="ann"), Principal(tenant="acme", object_id="bob")


def found(**changes: Any) -> Finding:
    facts = {"ids": ("CVE-2026-1", "GHSA-1"), "component": "six", "version": "1.16.0", "severity": HIGH}
    return Finding.model_validate(facts | {"fixed_in": ("1.17",)} | changes)


def seen(*ours: Finding, defender: tuple[Finding, ...] = (), **changes: Any) -> Evidence:
    """Return good evidence in which the advisories, and Defender, tell of these findings."""
    scan, audit = sources(DIGEST, NOW)
    reports = [
        report.model_copy(update={"findings": told, "state": ScanState.FINDINGS}) if told else report
        for report, told in ((scan, defender), (audit, ours))
    ]
    made = evidence(submission(), (), submitted_at=NOW, now=NOW, reports=reports)
    return made.model_copy(update=changes)


def ruled(**changes: Any) -> Policy:
    """Return the policy with other settings of findings."""
    known = policy()
    findings = FindingPolicy.model_validate(known.decision.findings.model_dump() | changes)
    return known.model_copy(update={"decision": known.decision.model_copy(update={"findings": findings})})


def of(decision: Decision, rule: str = "findings") -> list[RuleResult]:
    return [one for one in decision.results if one.rule == rule]


def codes(decision: Decision, rule: str = "findings") -> list[str]:
    return [one.code for one in of(decision, rule)]


def waiver(**changes: Any) -> Grant:
    facts = {
        "id": "GRT-w",
        "kind": Kind.PYPI,
        "name": "six",
        "version": "1.16.0",
        "files": (),
        "scope": Scope(repositories=(submission().ref.place,)),
        "owner": ANN,
        "approver": BOB,
        "reason": "the function is not called",
        "not_before": NOW - DAY,
        "expires": NOW + DAY,
        "waives": Waived(vulnerability="CVE-2026-1", justification=Justification.CODE_NOT_EXECUTED),
    }
    return Grant.model_validate(facts | changes)


def with_waivers(*grants: Grant, finding: Finding | None = None, **changes: Any) -> Evidence:
    return seen(finding or found(), exceptions=ExceptionFacts.model_construct(grants=grants), **changes)


# --- severity, fix and age ---


def test_a_fix_without_a_grace_blocks_at_once() -> None:
    decision = decide(seen(found(fix_seen_at=NOW)), policy(), NOW)
    assert (decision.outcome, codes(decision)) == (Outcome.DISCARD, ["vulnerable"])


@pytest.mark.parametrize(
    ("since", "code"),
    [(0 * DAY, "in_grace"), (7 * DAY - timedelta(seconds=1), "in_grace"), (7 * DAY, "grace_over")],
)
def test_grace_runs_from_the_appearance_of_a_fix_and_ends_at_its_instant(since: timedelta, code: str) -> None:
    decision = decide(seen(found(fix_seen_at=NOW - since)), ruled(grace={"high": "P7D"}), NOW)
    assert codes(decision)[0] == code
    assert (decision.outcome is Outcome.PROMOTE) == (code == "in_grace")
    assert of(decision)[0].params["grace_until"] == (NOW - since + 7 * DAY).isoformat()


@pytest.mark.parametrize("at", [None, NOW + DAY])
def test_a_fix_of_unknown_or_future_date_has_no_grace(at: datetime | None) -> None:
    assert codes(decide(seen(found(fix_seen_at=at)), ruled(grace={"high": "P7D"}), NOW)) == ["vulnerable"]


def test_grace_of_another_severity_is_none() -> None:
    decision = decide(seen(found(severity=CRITICAL, fix_seen_at=NOW)), ruled(grace={"high": "P7D"}), NOW)
    assert codes(decision) == ["vulnerable"]


def test_without_a_fix_policy_says_what_becomes_of_it_and_blocks_by_default() -> None:
    bare = seen(found(fixed_in=()))
    assert decide(bare, policy(), NOW).outcome is Outcome.DISCARD
    decision = decide(bare, ruled(unfixed="warn"), NOW)
    assert (decision.outcome, codes(decision)) == (Outcome.PROMOTE, ["unfixed", "none_block"])


def test_a_bar_may_not_keep_what_no_version_fixes_silent() -> None:
    with pytest.raises(ValidationError, match="shown in any case"):
        Bar(unfixed=Treatment.ALLOW)


@pytest.mark.parametrize("facts", [{"severity": LOW}, {"fixed_in": ()}, {"fix_seen_at": NOW}])
def test_known_exploited_blocks_whatever_severity_fix_and_grace_say(facts: dict[str, Any]) -> None:
    lenient = ruled(grace={"high": "P7D"}, unfixed="warn")
    assert decide(seen(found(**facts)), lenient, NOW).outcome is Outcome.PROMOTE
    decision = decide(seen(found(**facts, exploited_since=date(2026, 1, 2))), lenient, NOW)
    assert (decision.outcome, codes(decision)) == (Outcome.DISCARD, ["exploited"])


# --- base and own layers ---


def in_base(made: Evidence, *, value: bool) -> Evidence:
    parts = tuple(part.model_copy(update={"in_base": value}) for part in made.image.components)
    return made.model_copy(update={"image": made.image.model_copy(update={"components": parts})})


def test_what_lies_in_the_base_is_told_apart_and_asks_for_another_base() -> None:
    own, base = (decide(in_base(seen(found()), value=value), policy(), NOW) for value in (False, True))
    assert (codes(own), codes(base)) == (["vulnerable"], ["vulnerable_base"])


def test_the_base_may_have_a_bar_of_its_own_and_own_layers_are_not_held_to_it() -> None:
    lenient = ruled(base={"block": ["critical"]})
    assert decide(in_base(seen(found()), value=True), lenient, NOW).outcome is Outcome.PROMOTE
    assert decide(in_base(seen(found()), value=False), lenient, NOW).outcome is Outcome.DISCARD


def test_what_can_not_be_placed_is_held_to_the_bar_of_own_layers() -> None:
    lenient = ruled(base={"block": ["critical"]})
    made = in_base(seen(found(component="elsewhere")), value=True)
    assert decide(made, lenient, NOW).outcome is Outcome.DISCARD


def test_a_source_that_knows_where_it_lies_is_believed() -> None:
    assert codes(decide(seen(found(component="elsewhere", in_base=True)), policy(), NOW)) == ["vulnerable_base"]
    assert codes(decide(in_base(seen(found(in_base=False)), value=True), policy(), NOW)) == ["vulnerable"]


# --- two sources ---


def test_defenders_severity_counts_and_the_other_stands_beside_it() -> None:
    theirs = found(ids=("cve-2026-1",), component="SIX", severity=LOW)
    decision = decide(seen(found(), defender=(theirs,)), policy(), NOW)
    assert (decision.outcome, codes(decision)) == (Outcome.PROMOTE, ["below_bar", "none_block"])
    assert of(decision)[0].params["beside"] == "advisories: high"
    assert codes(decision, "sources-agree") == ["severity_differs", "compared"]
    graver = decide(seen(found(severity=LOW), defender=(found(severity=HIGH),)), policy(), NOW)
    assert graver.outcome is Outcome.DISCARD


def test_sources_that_agree_are_said_to() -> None:
    decision = decide(seen(found(), found(ids=("X-2",)), defender=(found(),)), policy(), NOW)
    (compared,) = of(decision, "sources-agree")
    assert (compared.params["both"], compared.params["differing"]) == ("1", "0")
    assert compared.params["alone"] == "defender alone knows 0, advisories alone knows 1"


def test_an_unknown_severity_of_defender_makes_less_of_nothing() -> None:
    strict = ruled(block=["critical", "high"])
    decision = decide(seen(found(), defender=(found(severity=UNKNOWN),)), strict, NOW)
    assert (decision.outcome, codes(decision)) == (Outcome.DISCARD, ["vulnerable"])
    assert codes(decision, "sources-agree") == ["severity_undeclared", "compared"]


def test_a_report_of_defender_that_is_not_believed_makes_less_of_nothing() -> None:
    made = seen(found(), defender=(found(severity=LOW),))
    scan, audit = made.findings.reports
    old = scan.model_copy(update={"scanned_at": NOW - 30 * DAY})
    stale = made.model_copy(update={"findings": made.findings.model_copy(update={"reports": (old, audit)})})
    assert codes(decide(stale, policy(), NOW)) == ["vulnerable"]


def test_the_same_id_on_another_component_or_version_is_another_vulnerability() -> None:
    for theirs in (found(component="seven", severity=LOW), found(version="1.15", severity=LOW)):
        decision = decide(seen(found(), defender=(theirs,)), policy(), NOW)
        assert sorted(codes(decision)) == ["below_bar", "vulnerable"]


def test_ids_are_closed_over_all_sources() -> None:
    ours = (found(ids=("PYSEC-1", "GHSA-1")), found(ids=("OTHER-9",)))
    theirs = (found(ids=("CVE-2026-1", "GHSA-1")), found(ids=("CVE-2026-1", "X-3")))
    decision = decide(seen(*ours, defender=theirs), policy(), NOW)
    assert [(one.params["id"], one.params["aliases"]) for one in of(decision)] == [
        ("CVE-2026-1", "GHSA-1 PYSEC-1 X-3"),
        ("OTHER-9", ""),
    ]


# --- budgets ---


def unscanned(made: Evidence) -> Evidence:
    scan = SourceReport(source="defender", subject=DIGEST, state=ScanState.NOT_SCANNED)
    reports = (scan, made.findings.reports[1])
    return made.model_copy(update={"findings": made.findings.model_copy(update={"reports": reports})})


def test_missing_evidence_holds_where_it_is_required_and_the_decision_says_whose() -> None:
    decision = decide(unscanned(seen()), policy(), NOW)
    assert (decision.outcome, decision.missing) == (Outcome.HOLD, ("defender",))


def test_missing_evidence_that_is_not_required_is_a_warning() -> None:
    lenient = ruled(defender=DefenderPolicy(required=False, allow_recorded=True).model_dump())
    decision = decide(unscanned(seen()), lenient, NOW)
    assert (decision.outcome, decision.missing) == (Outcome.PROMOTE, ())
    assert [one.status for one in of(decision, "scan-proof")] == [Status.WARN]
    assert decide(unscanned(seen(found())), lenient, NOW).outcome is Outcome.DISCARD


def test_a_policy_under_which_nobody_need_look_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be required"):
        FindingPolicy(defender=DefenderPolicy(required=False), advisories=AdvisoryPolicy(required=False))


@pytest.mark.parametrize(
    ("age", "status", "code"),
    [(DAY, Status.PASS, "fresh"), (8 * DAY, Status.WARN, "old"), (31 * DAY, Status.UNKNOWN, "too_old")],
)
def test_the_list_of_exploited_has_a_budget(age: timedelta, status: Status, code: str) -> None:
    made = seen()
    scan, audit = made.findings.reports
    listed = audit.also[0].model_copy(update={"published_at": NOW - age})
    reports = (scan, audit.model_copy(update={"also": (listed,)}))
    aged = made.model_copy(update={"findings": made.findings.model_copy(update={"reports": reports})})
    decision = decide(aged, ruled(exploited=ExploitedPolicy(required=True).model_dump()), NOW)
    assert [(one.status, one.code) for one in of(decision, "reference-data")] == [(status, code)]
    assert decision.missing == (("known-exploited",) if status is Status.UNKNOWN else ())


def test_no_list_and_two_lists_are_no_list() -> None:
    made = seen()
    scan, audit = made.findings.reports
    other = audit.also[0].model_copy(update={"digest": "sha256:" + "9" * 64})
    for also, code in (((), "missing"), ((*audit.also, other), "differs")):
        reports = (scan, audit.model_copy(update={"also": also}))
        bent = made.model_copy(update={"findings": made.findings.model_copy(update={"reports": reports})})
        for required, outcome in ((True, Outcome.HOLD), (False, Outcome.PROMOTE)):
            decision = decide(bent, ruled(exploited=ExploitedPolicy(required=required).model_dump()), NOW)
            assert (codes(decision, "reference-data"), decision.outcome) == ([code], outcome)


def test_the_map_of_conda_names_is_asked_for_where_there_is_a_conda_package() -> None:
    made = seen()
    (part,) = made.image.components
    image = made.image.model_copy(update={"components": (part.model_copy(update={"kind": Kind.CONDA}),)})
    decision = decide(made.model_copy(update={"image": image}), policy(), NOW)
    assert [one.subject for one in of(decision, "reference-data")] == ["", "conda-names"]
    assert codes(decision, "reference-data") == ["fresh", "missing"]


def test_a_scan_that_grows_old_is_a_warning_before_it_is_none() -> None:
    known = ruled(defender=DefenderPolicy(soft_age=DAY, allow_recorded=True).model_dump())
    decision = decide(seen(), known, NOW + 2 * DAY)
    assert codes(decision, "scan-proof") == ["old", "scanned"]
    with pytest.raises(ValidationError, match="soft_age"):
        DefenderPolicy(soft_age=8 * DAY)


# --- waivers ---


@pytest.mark.parametrize("named", ["CVE-2026-1", "ghsa-1"])
def test_a_waiver_hides_by_any_alias_and_what_it_hides_is_shown(named: str) -> None:
    why = Waived(vulnerability=named, justification=Justification.CODE_NOT_EXECUTED)
    decision = decide(with_waivers(waiver(waives=why)), policy(), NOW)
    assert (decision.outcome, codes(decision)) == (Outcome.PROMOTE, ["waived", "none_block"])
    shown = of(decision)[0]
    assert (shown.status, shown.params["waiver"], shown.params["hides"]) == (Status.WARN, "GRT-w", "vulnerable")
    assert [one.params["waivers"] for one in of(decision, "waivers")] == ["1"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires": NOW}, "expired"),
        ({"not_before": NOW + timedelta(seconds=1)}, "not_yet"),
        ({"scope": Scope(repositories=("other/place",))}, "other_scope"),
        ({"scope": Scope(repositories=("oci:/",))}, "other_scope"),
        ({"scope": Scope(repositories=("/",))}, "too_wide"),
        ({"scope": Scope(repositories=("host/",))}, "too_wide"),
        ({"scope": Scope(repositories=("*",))}, "too_wide"),
        ({"expires": NOW + 400 * DAY}, "too_long"),
    ],
)
def test_a_waiver_that_does_not_hold_hides_nothing_and_is_named(changes: dict[str, Any], code: str) -> None:
    decision = decide(with_waivers(waiver(**changes)), policy(), NOW)
    assert (decision.outcome, codes(decision)) == (Outcome.DISCARD, ["vulnerable"])
    if changes.get("scope") != Scope(repositories=("oci:/",)):
        assert codes(decision, "waivers") == [code, "in_force"]


def test_a_waiver_of_ones_own_hides_nothing_even_where_a_value_was_made_without_its_checks() -> None:
    with pytest.raises(ValidationError, match="nobody approves their own"):
        waiver(approver=Principal(tenant="ACME", object_id="Ann"))
    forged = waiver().model_copy(update={"approver": ANN})
    decision = decide(with_waivers(forged), policy(), NOW)
    assert (decision.outcome, codes(decision, "waivers")) == (Outcome.DISCARD, ["self_approved", "in_force"])


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "seven"},
        {"version": "1.15.0"},
        {"waives": Waived(vulnerability="CVE-2026-10", justification=Justification.MITIGATED)},
    ],
)
def test_a_waiver_for_something_else_hides_nothing_and_is_unused(changes: dict[str, Any]) -> None:
    decision = decide(with_waivers(waiver(**changes)), policy(), NOW)
    assert (decision.outcome, codes(decision, "waivers")) == (Outcome.DISCARD, ["unused", "in_force"])


def test_an_ended_waiver_for_what_is_not_there_is_not_told_for_ever() -> None:
    decision = decide(with_waivers(waiver(name="seven", expires=NOW)), policy(), NOW)
    assert codes(decision, "waivers") == ["in_force"]


def test_a_waiver_hides_one_component_and_not_the_same_vulnerability_elsewhere() -> None:
    made = seen(found(), found(component="seven"), exceptions=ExceptionFacts(grants=(waiver(),)))
    assert codes(decide(made, policy(), NOW)) == ["waived", "vulnerable"]


def test_a_malicious_package_is_never_waived() -> None:
    decision = decide(with_waivers(waiver(), finding=found(malicious=True)), policy(), NOW)
    assert (codes(decision), codes(decision, "waivers")) == (["malicious"], ["malicious", "in_force"])


def test_what_is_exploited_is_waived_only_where_policy_says_so() -> None:
    made = with_waivers(waiver(), finding=found(exploited_since=date(2026, 1, 2)))
    known = policy()
    decision = decide(made, known, NOW)
    assert (decision.outcome, codes(decision, "waivers")) == (Outcome.DISCARD, ["exploited", "in_force"])
    lenient = known.model_copy(update={"workflow": known.workflow.model_copy(update={"waive_exploited": True})})
    assert codes(decide(made, lenient, NOW)) == ["waived", "none_block"]


def test_what_policy_never_excepts_is_not_waived() -> None:
    known = policy()
    strict = known.model_copy(update={"workflow": known.workflow.model_copy(update={"never": ("pypi/Six",)})})
    assert codes(decide(with_waivers(waiver()), strict, NOW), "waivers") == ["never", "in_force"]


def test_a_waiver_lifts_no_origin() -> None:
    """A waiver names the very package and version that is refused for where it is from."""
    made = with_waivers(waiver())
    (part,) = made.image.components
    bare = part.model_copy(update={"proof": None})
    references = tuple(
        one.model_copy(update={"origins": (), "undetermined": ""}) for one in made.environment.references
    )
    bent = made.model_copy(
        update={
            "image": made.image.model_copy(update={"components": (bare,)}),
            "environment": made.environment.model_copy(update={"references": references}),
        }
    )
    decision = decide(bent, policy(), NOW)
    assert not any(one.grant for one in (*decision.components, *decision.references))
    assert decision.outcome is not Outcome.PROMOTE


@pytest.mark.parametrize("name", ["*", "six*", "six|seven", "six seven", ""])
def test_a_waiver_names_one_component(name: str) -> None:
    with pytest.raises(ValidationError, match="one component"):
        waiver(name=name)


@pytest.mark.parametrize("vulnerability", ["*", "CVE-*", "CVE-2026-1|CVE-2026-2", "CVE-2026-1,CVE-2026-2", "", "all"])
def test_a_waiver_names_one_vulnerability(vulnerability: str) -> None:
    with pytest.raises(ValidationError):
        Waived(vulnerability=vulnerability, justification=Justification.MITIGATED)


def test_a_waiver_is_for_no_bytes() -> None:
    with pytest.raises(ValidationError, match="no file and no address"):
        waiver(references=("https://example.org/six.whl",))


# --- what was kept before ---


def test_what_was_kept_before_keeps_its_bytes() -> None:
    """A field that says nothing is not written: digests of old evidence, grants and requests stay what they were."""
    old = found().model_dump(mode="json")
    assert {"fix_seen_at", "exploited_since", "in_base"}.isdisjoint(old)
    bare = Subject(kind=Kind.PYPI, name="six", repository="host/staging")
    assert "vulnerability" not in bare.model_dump(mode="json")
    assert bare.request_id() != bare.model_copy(update={"vulnerability": "CVE-2026-1"}).request_id()
    assert "missing" not in decide(seen(), policy(), NOW).model_dump(mode="json")
    assert found(in_base=False).model_dump(mode="json")["in_base"] is False
    assert Finding.parse(found(fix_seen_at=datetime(2026, 1, 1, tzinfo=UTC)).canonical()).fix_seen_at is not None
