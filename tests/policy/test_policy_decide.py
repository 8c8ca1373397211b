"""`decide` promotes only a case in which every rule looked and none objected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

import pytest
from evaluation.worlds import BASE_DIFF, DIGEST, NOW, PYPI, evidence, policy, sources, submission

from gate.model.base import sha256_of
from gate.model.decision import Decision, Outcome, RuleResult, Status
from gate.model.evidence import Evidence, ExceptionFacts, FindingFacts
from gate.model.exception import Grant, GrantedFile, Scope
from gate.model.finding import Finding, FindingSeverity, ScanState, SourceReport
from gate.model.image import BaseMatch, Component, Proof, ProofLevel
from gate.model.origin import Disposition, Kind, Origin, OriginKind
from gate.model.principal import Principal
from gate.model.reference import Declared, Problem, Reference, Severity
from gate.policy.decide import decide
from gate.policy.rule import Case, Explanation
from gate.policy.rules import ALL

OTHER = "sha256:" + "9" * 64
CONDA = Component(
    kind=Kind.CONDA,
    name="numpy",
    version="2",
    path="opt/env/conda-meta/numpy.json",
    layer=1,
    proof=Proof(
        level=ProofLevel.CONSISTENT,
        code="channel_recorded",
        origin=Origin(kind=OriginKind.CONDA_CHANNEL, location="conda-forge"),
    ),
)
EVIL = Origin(kind=OriginKind.PYTHON_INDEX, location="https://evil.example/simple")


def good(**update: object) -> Evidence:
    return evidence(submission(), (), submitted_at=NOW, now=NOW).model_copy(update=update)


def image(**update: object) -> Evidence:
    case = good()
    return case.model_copy(update={"image": case.image.model_copy(update=update)})


def component(**update: object) -> Evidence:
    return image(components=(good().image.components[0].model_copy(update=update),))


def reported(index: int, **update: object) -> Evidence:
    reports = list(sources(DIGEST, NOW))
    reports[index] = reports[index].model_copy(update=update)
    return good(findings=FindingFacts(reports=tuple(reports)))


def verdict(case: Evidence, code: str) -> Outcome:
    """Decide, and see that the code is among the reasons and that somebody can act on it."""
    decision = decide(case, policy(), NOW)
    reasons = [r for r in decision.results if r.status in {Status.FAIL, Status.UNKNOWN}]
    assert code in {reason.code for reason in reasons}, reasons
    return decision.outcome


def grant(**update: object) -> Grant:
    base = Grant(
        id="GRT-1",
        kind=Kind.PYPI,
        name="six",
        version="1.16.0",
        files=(GrantedFile(filename="six-1.16.0-py3-none-any.whl", sha256=OTHER, size=1),),
        scope=Scope(repositories=("registry.example/staging/",)),
        owner=Principal(tenant="t", object_id="a"),
        approver=Principal(tenant="t", object_id="b"),
        reason="needed",
        not_before=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=1),
    )
    return base.model_copy(update=update)


def test_a_case_on_which_every_rule_passes_is_promoted() -> None:
    decision = decide(good(), policy(), NOW)
    assert decision.outcome is Outcome.PROMOTE
    assert {r.rule for r in decision.results} == {rule.id for rule in ALL}
    assert {r.status for r in decision.results} == {Status.PASS}
    assert decision.recorded_sources == ("defender",)
    assert decision.counts["components_safelisted"] == decision.counts["components"] == 1


def test_the_same_evidence_decides_the_same_bytes_after_storage() -> None:
    case = good()
    manifest, parts = case.split()
    again = type(manifest).parse(manifest.canonical()).join(parts)
    stored_policy = type(policy()).parse(policy().canonical())
    assert decide(again, stored_policy, NOW).canonical() == decide(case, policy(), NOW).canonical()
    assert stored_policy.fingerprint() == policy().fingerprint()


def test_an_altered_part_of_the_evidence_is_refused() -> None:
    manifest, parts = good().split()
    first = next(iter(parts))
    with pytest.raises(ValueError, match="missing or altered"):
        manifest.join({**parts, first: parts[first] + b" "})
    with pytest.raises(ValueError, match="missing or altered"):
        manifest.join({digest: data for digest, data in parts.items() if digest != first})


class Raising:
    id = "raising"
    title = ""
    codes: Mapping[str, Explanation] = MappingProxyType({})

    def check(self, case: Case) -> Iterator[RuleResult]:
        raise ZeroDivisionError(case.now)


class Silent(Raising):
    id = "silent"

    def check(self, case: Case) -> Iterator[RuleResult]:
        del case
        return iter(())


def test_a_rule_that_raises_holds() -> None:
    decision = decide(good(), policy(), NOW, (*ALL, Raising()))
    assert decision.outcome is Outcome.HOLD
    assert [r.params["error"] for r in decision.results if r.code == "rule_failed"] == ["ZeroDivisionError"]


def test_a_silent_rule_and_no_rules_hold() -> None:
    assert decide(good(), policy(), NOW, (*ALL, Silent())).outcome is Outcome.HOLD
    assert decide(good(), policy(), NOW, ()).outcome is Outcome.HOLD


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_every_rule_speaks_and_explains_what_it_says(rule: object) -> None:
    assert rule.id  # type: ignore[attr-defined]
    decision = decide(good(), policy(), NOW, (rule,))  # type: ignore[arg-type]
    assert decision.results
    assert all(r.code in rule.codes for r in decision.results)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("case", "code", "outcome"),
    [
        (good(environment=Declared()), "nothing_declared", Outcome.HOLD),
        (
            good(
                environment=submission().environment.model_copy(
                    update={"problems": (Problem(code="syntax", message="bad", file="r.txt", line=3),)}
                )
            ),
            "definition_unreadable",
            Outcome.HOLD,
        ),
        (image(components=()), "nothing_found", Outcome.DISCARD),
        (image(problems=(Problem(code="x", message="bad", file="a/METADATA"),)), "image_unreadable", Outcome.DISCARD),
        (good(subject=OTHER), "other_image", Outcome.HOLD),
        (image(base=None), "no_listed_base", Outcome.DISCARD),
        (image(base=BaseMatch(reference="mcr.microsoft.com/base", layers=2)), "base_not_listed", Outcome.HOLD),
        (image(base=BaseMatch(reference="mcr.microsoft.com/other", layers=1)), "base_not_listed", Outcome.HOLD),
        (component(proof=None), "not_proved", Outcome.DISCARD),
        (
            component(proof=Proof(level=ProofLevel.UNKNOWN, code="no_such_project", origin=PYPI)),
            "no_such_project",
            Outcome.DISCARD,
        ),
        (
            component(proof=Proof(level=ProofLevel.UNKNOWN, code="unreachable", transient=True)),
            "unreachable",
            Outcome.HOLD,
        ),
        (
            component(proof=Proof(level=ProofLevel.CONSISTENT, code="metadata_equal", origin=PYPI, transient=True)),
            "unreachable",
            Outcome.HOLD,
        ),
        (
            image(components=(CONDA,)),
            "proof_too_weak",
            Outcome.DISCARD,
        ),
        (
            component(proof=Proof(level=ProofLevel.CONTRADICTED, code="metadata_differs", transient=True)),
            "metadata_differs",
            Outcome.DISCARD,
        ),
        (
            component(proof=Proof(level=ProofLevel.PROVEN, code="record_equal", origin=EVIL)),
            "origin_python_index",
            Outcome.DISCARD,
        ),
        (
            component(proof=Proof(level=ProofLevel.CONSISTENT, code="owned", evidence={"owner": "conda:six"})),
            "owner_missing",
            Outcome.DISCARD,
        ),
    ],
)
def test_what_was_not_looked_at_does_not_pass(case: Evidence, code: str, outcome: Outcome) -> None:
    assert verdict(case, code) is outcome


def test_a_warning_of_reading_does_not_hold() -> None:
    warned = Problem(
        code="implicit_defaults", message="conda may add defaults", file="r.txt", severity=Severity.WARNING
    )
    case = good(environment=submission().environment.model_copy(update={"problems": (warned,)}))
    assert decide(case, policy(), NOW).outcome is Outcome.PROMOTE


@pytest.mark.parametrize("state", [state for state in ScanState if state not in {ScanState.CLEAN, ScanState.FINDINGS}])
@pytest.mark.parametrize("source", [0, 1])
def test_every_state_that_is_no_finished_scan_holds(state: ScanState, source: int) -> None:
    assert decide(reported(source, state=state), policy(), NOW).outcome is Outcome.HOLD


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (good(findings=FindingFacts()), "no_report"),
        (good(findings=FindingFacts(reports=sources(DIGEST, NOW)[1:])), "no_report"),
        (good(findings=FindingFacts(reports=sources(DIGEST, NOW)[:1])), "no_report"),
        (good(findings=FindingFacts(reports=sources(DIGEST, NOW) * 2)), "two_reports"),
        (reported(0, subject=OTHER), "other_digest"),
        (reported(1, subject=OTHER), "other_digest"),
        (reported(0, scanned_at=None), "no_time"),
        (reported(0, scanned_at=NOW - timedelta(days=8)), "stale"),
        (reported(0, scanned_at=NOW + timedelta(hours=1)), "from_the_future"),
        (reported(0, state=ScanState.FINDINGS), "contradiction"),
        (reported(1, data=None), "no_snapshot"),
        (reported(1, audited=0), "counts_differ"),
        (reported(1, audited=2), "counts_differ"),
        (reported(1, audited=0, unaudited=("pypi/six@1.16.0",)), "unaudited"),
        (reported(1, audited=0, unaudited=("conda/other@1",)), "counts_differ"),
    ],
)
def test_an_answer_that_proves_nothing_holds(case: Evidence, code: str) -> None:
    assert verdict(case, code) is Outcome.HOLD


def test_a_recording_is_refused_where_policy_does_not_allow_it() -> None:
    strict = policy()
    findings = strict.decision.findings
    live = findings.model_copy(update={"defender": findings.defender.model_copy(update={"allow_recorded": False})})
    strict = strict.model_copy(update={"decision": strict.decision.model_copy(update={"findings": live})})
    decision = decide(good(), strict, NOW)
    assert decision.outcome is Outcome.HOLD
    assert "recording_refused" in {r.code for r in decision.results}


@pytest.mark.parametrize("source", [0, 1])
@pytest.mark.parametrize(
    ("severity", "malicious", "outcome"),
    [
        (FindingSeverity.CRITICAL, False, Outcome.DISCARD),
        (FindingSeverity.HIGH, False, Outcome.DISCARD),
        (FindingSeverity.UNKNOWN, False, Outcome.DISCARD),
        (FindingSeverity.MEDIUM, False, Outcome.PROMOTE),
        (FindingSeverity.LOW, True, Outcome.DISCARD),
    ],
)
def test_findings_block_by_severity_and_malice(
    source: int, severity: FindingSeverity, malicious: bool, outcome: Outcome
) -> None:
    finding = Finding(ids=("CVE-1",), component="six", version="1.16.0", severity=severity, malicious=malicious)
    case = reported(source, state=ScanState.FINDINGS, findings=(finding,))
    assert decide(case, policy(), NOW).outcome is outcome


def test_findings_under_a_state_that_says_clean_hold() -> None:
    finding = Finding(ids=("CVE-1",), component="six", version="1.16.0", severity=FindingSeverity.LOW)
    assert verdict(reported(0, findings=(finding,)), "contradiction") is Outcome.HOLD


def test_an_exempted_finding_still_blocks() -> None:
    finding = Finding(
        ids=("CVE-1",), component="six", version="1", severity=FindingSeverity.HIGH, status="NotApplicable/Exempt"
    )
    case = reported(0, state=ScanState.FINDINGS, findings=(finding,))
    assert decide(case, policy(), NOW).outcome is Outcome.DISCARD


def test_advisories_grow_old_and_then_too_old() -> None:
    data = sources(DIGEST, NOW)[1].data
    assert data is not None
    old = data.model_copy(update={"published_at": NOW - timedelta(days=3)})
    decision = decide(reported(1, data=old), policy(), NOW)
    assert decision.outcome is Outcome.PROMOTE
    assert "advisories_old" in {r.code for r in decision.results if r.status is Status.WARN}
    older = data.model_copy(update={"published_at": NOW - timedelta(days=15)})
    assert verdict(reported(1, data=older), "advisories_too_old") is Outcome.HOLD


def test_a_hold_past_the_deadline_is_a_discard_as_not_looked_at() -> None:
    waiting = reported(0, state=ScanState.NOT_SCANNED).model_copy(update={"submitted_at": NOW - timedelta(hours=25)})
    assert verdict(waiting, "not_looked_at_in_time") is Outcome.DISCARD
    in_time = waiting.model_copy(update={"submitted_at": NOW - timedelta(hours=24)})
    assert decide(in_time, policy(), NOW).outcome is Outcome.HOLD


def test_a_refused_component_names_the_same_request_every_time() -> None:
    case = component(proof=Proof(level=ProofLevel.UNKNOWN, code="no_such_project"))
    first, second = decide(case, policy(), NOW), decide(case, policy(), NOW + timedelta(minutes=1))
    assert first.requests == second.requests
    assert len(first.requests) == 1
    assert first.requests[0].startswith("EXR-")


def test_no_request_is_named_for_what_may_pass_later() -> None:
    case = component(proof=Proof(level=ProofLevel.UNKNOWN, code="unreachable", transient=True))
    assert decide(case, policy(), NOW).requests == ()


def granted(used: Grant, *, ids: tuple[str, ...] = ("GRT-1",), **update: object) -> Decision:
    proof = Proof(level=ProofLevel.UNKNOWN, code="no_such_project", grants=ids)
    case = component(proof=proof, **update).model_copy(update={"exceptions": ExceptionFacts(grants=(used,))})
    return decide(case, policy(), NOW)


def test_a_grant_in_force_for_these_bytes_promotes_and_is_named() -> None:
    decision = granted(grant())
    assert decision.outcome is Outcome.PROMOTE
    assert decision.components[0].disposition is Disposition.GRANTED
    assert decision.components[0].grant == "GRT-1"


@pytest.mark.parametrize(
    ("used", "ids", "code"),
    [
        (grant(expires=NOW), ("GRT-1",), "expired"),
        (grant(not_before=NOW + timedelta(seconds=1)), ("GRT-1",), "not_yet"),
        (grant(scope=Scope(repositories=("registry.example/staging/ap",))), ("GRT-1",), "other_scope"),
        (grant(), (), "other_bytes"),
    ],
)
def test_a_grant_that_does_not_hold_is_named_and_does_not_promote(used: Grant, ids: tuple[str, ...], code: str) -> None:
    decision = granted(used, ids=ids)
    assert decision.outcome is Outcome.DISCARD
    assert [r.code for r in decision.results if r.rule == "grants" and r.status is Status.WARN] == [code]


def test_a_grant_id_that_nobody_gave_is_no_grant() -> None:
    assert granted(grant(id="GRT-2"), ids=("GRT-1",)).outcome is Outcome.DISCARD


def test_a_declared_vcs_reference_shares_the_grant_of_its_observed_bytes_only() -> None:
    vcs = Reference(
        kind=Kind.VCS,
        name="https://git.example/six",
        origins=(Origin(kind=OriginKind.VCS, location="https://git.example/six"),),
        file="r.txt",
        line=1,
        distribution="six",
    )
    proof = Proof(level=ProofLevel.UNKNOWN, code="no_such_project", grants=("GRT-1",))
    case = component(proof=proof).model_copy(
        update={
            "exceptions": ExceptionFacts(grants=(grant(),)),
            "environment": Declared(references=(vcs,), files=("r.txt",)),
        }
    )
    assert decide(case, policy(), NOW).outcome is Outcome.PROMOTE
    other = case.model_copy(
        update={"environment": Declared(references=(vcs.model_copy(update={"distribution": "seven"}),))}
    )
    assert decide(other, policy(), NOW).outcome is Outcome.DISCARD


def test_what_a_package_owns_shares_its_worst_namesake() -> None:
    owned = Component(
        kind=Kind.PYPI,
        name="numpy",
        version="2",
        path="opt/env/numpy-2.dist-info",
        layer=1,
        proof=Proof(level=ProofLevel.CONSISTENT, code="owned", evidence={"owner": "conda:numpy"}),
    )
    right = CONDA.model_copy(update={"proof": CONDA.proof.model_copy(update={"level": ProofLevel.PROVEN})})  # type: ignore[union-attr]
    defaults = Origin(kind=OriginKind.CONDA_CHANNEL, location="defaults")
    wrong = right.model_copy(update={"proof": Proof(level=ProofLevel.PROVEN, code="channel_recorded", origin=defaults)})
    audit = sources(DIGEST, NOW)[1].model_copy(update={"audited": 1, "unaudited": ("conda/numpy@2",)})
    reports = FindingFacts(reports=(sources(DIGEST, NOW)[0], audit))
    fine = image(components=(owned, right)).model_copy(update={"findings": reports})
    assert decide(fine, policy(), NOW).outcome is Outcome.PROMOTE
    twice = image(components=(right, owned, wrong))
    decision = decide(twice, policy(), NOW)
    assert decision.outcome is Outcome.DISCARD
    assert [part.code for part in decision.components] == ["channel_recorded", "channel_licence", "channel_licence"]


def test_the_subject_of_the_evidence_is_what_is_decided() -> None:
    decision = decide(good(), policy(), NOW)
    assert decision.subject == DIGEST
    assert decision.evidence == sha256_of(good().split()[0].canonical())
    assert decision.policy == policy().fingerprint()


def test_base_layers_are_held_to_policy_diff_id_by_diff_id() -> None:
    case = good()
    layers = case.image.image.layers
    swapped = layers[0].model_copy(update={"diff_id": OTHER})
    facts = case.image.image.model_copy(update={"layers": (swapped, *layers[1:])})
    assert layers[0].diff_id == BASE_DIFF
    assert verdict(image(image=facts), "base_not_listed") is Outcome.HOLD


def test_a_report_of_a_stranger_is_no_report() -> None:
    stranger = SourceReport(source="other", subject=DIGEST, state=ScanState.CLEAN, scanned_at=NOW)
    case = good(findings=FindingFacts(reports=(stranger, sources(DIGEST, NOW)[1])))
    assert verdict(case, "no_report") is Outcome.HOLD
