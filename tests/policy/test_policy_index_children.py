"""An index is decided image by image: none is left out, none is another thing than the others, each is scanned."""

from __future__ import annotations

import pytest
from evaluation.worlds import NOW, evidence, policy, sources, submission

from gate.model.decision import Decision, Outcome, RuleResult, Status
from gate.model.evidence import Evidence, EvidenceManifest, FindingFacts, Sibling
from gate.model.failure import Failure
from gate.model.finding import Finding, FindingSeverity, ScanState
from gate.model.image import (
    BaseMatch,
    ChildRole,
    Component,
    IndexChild,
    IndexFacts,
    Inventory,
    Proof,
    ProofLevel,
    UnreadChild,
)
from gate.model.origin import Disposition, Kind
from gate.policy.decide import decide
from gate.policy.rules import index_children
from gate.policy.schema import Policy, Treatment

INDEX, AMD, ARM, NOTE = (f"sha256:{digit * 64}" for digit in "abcd")
GOOD = evidence(submission(), (), submitted_at=NOW, now=NOW)
TEN = 10


def image_of(digest: str, platform: str, **update: object) -> Inventory:
    facts = GOOD.image.image.model_copy(update={"digest": digest, "platform": platform, "index_digest": INDEX})
    return GOOD.image.model_copy(update={"image": facts, **update})


def entry(digest: str, platform: str, role: ChildRole = ChildRole.IMAGE, about: str = "") -> IndexChild:
    media_type = "application/vnd.oci.image.manifest.v1+json"
    return IndexChild(digest=digest, size=TEN, media_type=media_type, role=role, platform=platform, about=about)


def note(role: ChildRole = ChildRole.ATTESTATION, about: str = AMD) -> IndexChild:
    return entry(NOTE, "unknown/unknown", role, about)


def index(*children: IndexChild) -> IndexFacts:
    listed = children or (entry(AMD, "linux/amd64"), entry(ARM, "linux/arm64"), note())
    media_type = "application/vnd.oci.image.index.v1+json"
    return IndexFacts(repository=GOOD.repository, digest=INDEX, media_type=media_type, children=listed)


def several(arm: Inventory | None = None, facts: IndexFacts | None = None, **update: object) -> Evidence:
    second = Sibling(image=arm or image_of(ARM, "linux/arm64"), findings=FindingFacts(reports=sources(ARM, NOW)))
    changed = {
        "subject": INDEX,
        "image": image_of(AMD, "linux/amd64"),
        "findings": FindingFacts(reports=sources(AMD, NOW)),
        "index": facts or index(),
        "siblings": (second,),
        **update,
    }
    return GOOD.model_copy(update=changed)


def six(**update: object) -> Component:
    return GOOD.image.components[0].model_copy(update=update)


def answers(decision: Decision, rule: str = "index-children") -> list[RuleResult]:
    return [answer for answer in decision.results if answer.rule == rule and answer.status is not Status.PASS]


def treated(**content: Treatment) -> Policy:
    known = policy()
    changed = known.decision.content.model_copy(update=content)
    return known.model_copy(update={"decision": known.decision.model_copy(update={"content": changed})})


def test_an_index_whose_images_all_pass_is_promoted_as_one() -> None:
    decision = decide(several(), policy(), NOW)
    assert decision.outcome is Outcome.PROMOTE
    assert decision.subject == INDEX
    assert (decision.counts["images"], decision.counts["components"]) == (2, 2)
    assert {one.image for one in decision.components} == {AMD, ARM}
    assert [answer.code for answer in decision.results if answer.rule == "index-children"] == ["children_agree"]


def test_every_answer_about_an_image_names_it_and_the_definition_is_judged_once() -> None:
    decision = decide(several(), policy(), NOW)
    scans = [(one.image, one.platform) for one in decision.results if one.rule == "scan-proof"]
    assert scans == [(AMD, "linux/amd64"), (ARM, "linux/arm64")]
    declared = [(one.image, one.platform) for one in decision.results if one.rule == "declared-origin"]
    assert declared == [(None, "")]


def test_an_image_alone_names_no_child() -> None:
    decision = decide(GOOD, policy(), NOW)
    assert {(one.image, one.platform) for one in decision.results} == {(None, "")}
    assert {one.image for one in decision.components} == {None}
    assert "images" not in decision.counts


def test_an_index_with_one_image_passes_by_itself() -> None:
    alone = several(facts=index(entry(AMD, "linux/amd64"), note()), siblings=())
    decision = decide(alone, policy(), NOW)
    assert decision.outcome is Outcome.PROMOTE
    assert "one_image" in {answer.code for answer in decision.results}


def test_an_image_that_was_not_scanned_holds_the_whole_index() -> None:
    """The scan of its neighbour proves nothing of it."""
    unscanned = several().siblings[0].model_copy(update={"findings": FindingFacts(reports=sources(AMD, NOW))})
    decision = decide(several(siblings=(unscanned,)), policy(), NOW)
    assert decision.outcome is Outcome.HOLD
    held = [one for one in decision.results if one.status is Status.UNKNOWN]
    assert {(one.rule, one.code, one.image) for one in held} == {
        ("scan-proof", "other_digest", ARM),
        ("advisories-complete", "other_digest", ARM),
    }


def test_a_finding_on_one_platform_discards_the_whole_index() -> None:
    scan, audit = sources(ARM, NOW)
    bad = Finding(ids=("CVE-2026-1",), component="six", version="1.16.0", severity=FindingSeverity.CRITICAL)
    found = scan.model_copy(update={"state": ScanState.FINDINGS, "findings": (bad,)})
    sibling = several().siblings[0].model_copy(update={"findings": FindingFacts(reports=(found, audit))})
    decision = decide(several(siblings=(sibling,)), policy(), NOW)
    assert decision.outcome is Outcome.DISCARD
    assert [(one.code, one.image) for one in answers(decision, "findings")] == [("vulnerable", ARM)]
    assert decision.counts["findings"] == 1


def test_a_component_without_an_origin_on_one_platform_is_refused_there() -> None:
    evil = six(proof=Proof(level=ProofLevel.CONTRADICTED, code="record_differs"))
    decision = decide(several(image_of(ARM, "linux/arm64", components=(evil,))), policy(), NOW)
    assert decision.outcome is Outcome.DISCARD
    assert [(one.code, one.image) for one in answers(decision, "component-origin")] == [("record_differs", ARM)]
    blocked = [one.image for one in decision.components if one.disposition is Disposition.BLOCKED]
    assert blocked == [ARM]


def test_an_image_that_nobody_read_holds() -> None:
    decision = decide(several(siblings=()), policy(), NOW)
    assert decision.outcome is Outcome.HOLD
    assert [(one.code, one.subject) for one in answers(decision)] == [("child_not_read", ARM)]


@pytest.mark.parametrize("platform", ["", "linux/arm64", "windows/amd64"])
def test_an_image_that_could_not_be_read_never_passes(platform: str) -> None:
    """One of no platform at all is refused by none of policy's, and is no less unread for that."""
    failure = Failure(code="layer_media_type", message="a layer of a kind that is not read")
    facts = index().model_copy(update={"unread": (UnreadChild(digest=ARM, platform=platform, failure=failure),)})
    decision = decide(several(facts=facts, siblings=()), policy(), NOW)
    refused = platform.startswith("windows")
    assert decision.outcome is (Outcome.DISCARD if refused else Outcome.HOLD)
    assert [one.code for one in answers(decision)] == ["child_refused" if refused else "child_unreadable"]
    assert "children_agree" not in {one.code for one in decision.results}
    assert bool(answers(decision, "image-platform")) == refused


def test_an_image_that_is_said_to_be_unread_and_was_read_holds() -> None:
    failure = Failure(code="x", message="y")
    facts = index().model_copy(update={"unread": (UnreadChild(digest=ARM, platform="linux/arm64", failure=failure),)})
    decision = decide(several(facts=facts), policy(), NOW)
    assert (decision.outcome, [one.code for one in answers(decision)]) == (Outcome.HOLD, ["child_unreadable"])


def test_an_image_for_a_platform_that_policy_does_not_let_in_is_refused_though_it_was_read() -> None:
    known = policy()
    narrow = known.model_copy(update={"decision": known.decision.model_copy(update={"platforms": ("linux/amd64",)})})
    decision = decide(several(), narrow, NOW)
    assert decision.outcome is Outcome.DISCARD
    (only,) = answers(decision, "image-platform")
    assert (only.code, only.subject, only.params["platform"]) == ("platform_not_allowed", ARM, "linux/arm64")


def test_an_image_read_twice_or_not_listed_holds() -> None:
    twice = several(image_of(AMD, "linux/amd64"))
    codes = {(one.code, one.subject) for one in answers(decide(twice, policy(), NOW))}
    assert {("child_unlisted", AMD), ("child_not_read", ARM)} <= codes
    stranger = several(facts=index(entry(AMD, "linux/amd64")))
    decision = decide(stranger, policy(), NOW)
    assert decision.outcome is Outcome.HOLD
    assert [(one.code, one.subject) for one in answers(decision)] == [("child_unlisted", ARM)]


def test_an_index_that_nobody_described_holds() -> None:
    for case in (several(index=None), several(index=None, siblings=()), several(subject=AMD)):
        decision = decide(case, policy(), NOW)
        assert decision.outcome is Outcome.HOLD
        assert "not_described" in {one.code for one in answers(decision)}


def test_an_image_in_the_disguise_of_an_attestation_discards() -> None:
    hidden = index(entry(AMD, "linux/amd64"), entry(ARM, "linux/arm64"), note(ChildRole.DISGUISED))
    decision = decide(several(facts=hidden), policy(), NOW)
    assert decision.outcome is Outcome.DISCARD
    assert [(one.code, one.subject) for one in answers(decision)] == [("attestation_disguised", NOTE)]


def test_an_attestation_about_something_else_is_named_and_proves_nothing() -> None:
    for about in ("", NOTE):
        stray = index(entry(AMD, "linux/amd64"), entry(ARM, "linux/arm64"), note(about=about))
        decision = decide(several(facts=stray), policy(), NOW)
        assert decision.outcome is Outcome.PROMOTE
        assert [one.code for one in answers(decision)] == ["attestation_stray"]


@pytest.mark.parametrize(
    ("said", "platform", "code"),
    [
        ("linux/arm64", "linux/arm64", ""),
        ("linux/arm64/v8", "linux/arm64", ""),
        ("linux/arm64", "linux/arm64/v8", ""),
        ("", "linux/arm64", ""),
        ("linux/arm64/v8", "linux/arm64/v9", "platform_contradicted"),
        ("linux/arm", "linux/arm64", "platform_contradicted"),
        ("windows/arm64", "linux/arm64", "platform_contradicted"),
        ("linux/amd64", "linux/amd64", "platform_twice"),
    ],
)
def test_an_image_is_for_the_platform_that_the_index_says(said: str, platform: str, code: str) -> None:
    facts = index(entry(AMD, "linux/amd64"), entry(ARM, said), note())
    decision = decide(several(image_of(ARM, platform), facts), policy(), NOW)
    assert [one.code for one in answers(decision)] == ([code] if code else [])
    assert decision.outcome is (Outcome.DISCARD if code else Outcome.PROMOTE)


def test_a_package_of_another_version_in_one_image_discards() -> None:
    decision = decide(several(image_of(ARM, "linux/arm64", components=(six(version="1.17.0"),))), policy(), NOW)
    assert decision.outcome is Outcome.DISCARD
    (answer,) = answers(decision)
    assert (answer.code, answer.subject) == ("version_differs", "python/six")
    assert answer.params["versions"] == "linux/amd64: 1.16.0; linux/arm64: 1.17.0"


def test_a_package_of_another_kind_is_another_package_under_the_same_version() -> None:
    other = six(kind=Kind.VCS)
    (answer,) = answers(decide(several(image_of(ARM, "linux/arm64", components=(other,))), policy(), NOW))
    assert answer.params["versions"] == "linux/amd64: 1.16.0; linux/arm64: 1.16.0 (vcs)"


def test_what_policy_makes_of_a_difference_is_policy() -> None:
    case = several(image_of(ARM, "linux/arm64", components=(six(version="1.17.0"),)))
    for treatment, outcome, codes in (
        (Treatment.WARN, Outcome.PROMOTE, ["version_differs"]),
        (Treatment.ALLOW, Outcome.PROMOTE, []),
    ):
        decision = decide(case, treated(differing=treatment), NOW)
        assert decision.outcome is outcome
        assert [one.code for one in answers(decision)] == codes


def test_a_package_that_only_one_platform_has_is_named() -> None:
    more = image_of(ARM, "linux/arm64", components=(six(), six(name="only-arm")))
    reports = sources(ARM, NOW)
    audited = FindingFacts(reports=(reports[0], reports[1].model_copy(update={"audited": 2})))
    case = several(siblings=(Sibling(image=more, findings=audited),))
    decision = decide(case, policy(), NOW)
    assert decision.outcome is Outcome.PROMOTE
    (answer,) = answers(decision)
    assert (answer.code, answer.params["platforms"]) == ("only_in_some", "linux/arm64")
    assert decide(case, treated(partial=Treatment.BLOCK), NOW).outcome is Outcome.DISCARD


def test_what_the_base_brings_may_differ_and_the_base_may_not() -> None:
    brought = image_of(ARM, "linux/arm64", components=(six(), six(name="pip", in_base=True)))
    assert answers(decide(several(brought), policy(), NOW)) == []
    other = image_of(ARM, "linux/arm64", base=BaseMatch(reference="mcr.microsoft.com/other", layers=1))
    codes = [one.code for one in answers(decide(several(other), policy(), NOW))]
    assert codes == ["base_differs"]
    none = image_of(ARM, "linux/arm64", base=None)
    assert answers(decide(several(none), policy(), NOW))[0].params["bases"].endswith("linux/arm64: none")
    assert answers(decide(several(none), treated(differing=Treatment.ALLOW), NOW)) == []


def test_thousands_of_differences_are_counted_and_not_all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_children, "MOST", 3)
    many = tuple(six(name=f"p{number}") for number in range(5))
    found = answers(decide(several(image_of(ARM, "linux/arm64", components=many)), policy(), NOW))
    assert [one.code for one in found] == ["only_in_some"] * 3 + ["more_differ"]
    assert found[-1].params["count"] == "3"


def test_evidence_of_an_index_is_kept_and_decides_the_same_afterwards() -> None:
    case = several()
    manifest, parts = case.split()
    again = EvidenceManifest.parse(manifest.canonical()).join(parts)
    assert again == case
    assert decide(again, policy(), NOW).canonical() == decide(case, policy(), NOW).canonical()


@pytest.mark.parametrize("gone", ["index", "image.0", "findings.0"])
def test_evidence_that_lost_an_image_is_refused(gone: str) -> None:
    manifest, parts = several().split()
    left = {name: digest for name, digest in manifest.parts.items() if name != gone}
    case = manifest.model_copy(update={"parts": left})
    if gone == "index":
        assert decide(case.join(parts), policy(), NOW).outcome is Outcome.HOLD
        return
    with pytest.raises(ValueError, match="other parts"):
        case.join(parts)


def test_evidence_with_a_part_that_nobody_knows_is_refused() -> None:
    manifest, parts = GOOD.split()
    more = manifest.model_copy(update={"parts": manifest.parts | {"image.x": manifest.parts["image"]}})
    with pytest.raises(ValueError, match="other parts"):
        more.join(parts)
    other = manifest.model_copy(update={"parts": manifest.parts | {"verdict": manifest.parts["image"]}})
    with pytest.raises(ValueError, match="other parts"):
        other.join(parts)


def test_recordings_of_any_image_are_named() -> None:
    live = tuple(one.model_copy(update={"recorded": False}) for one in sources(AMD, NOW))
    decision = decide(several(findings=FindingFacts(reports=live)), policy(), NOW)
    assert decision.recorded_sources == ("defender",)
