"""The catalogue of bases: which layers count, how old they may be, and what a `FROM` claims of them."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from evaluation.worlds import BASE_DIFF, NOW, OWN_DIFF, evidence, policy, submission
from pydantic import ValidationError

from gate.errors import PolicyError
from gate.image.base import match_base
from gate.model.base import sha256_of
from gate.model.decision import Decision, Outcome, Status
from gate.model.evidence import Evidence
from gate.model.image import LayerFact
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.reference import Declared, Reference
from gate.policy.bases import BaseImage, catalogue_of, repository_of
from gate.policy.decide import decide
from gate.policy.schema import ImageRegistry, Policy
from gate.policy.source import embedded, load_policy, policy_problems
from gate.policy.words import Treatment

NAME = "mcr.microsoft.com/base"
PINNED, OTHER = "sha256:" + "d" * 64, "sha256:" + "e" * 64
GOOD = evidence(submission(), (), submitted_at=NOW, now=NOW)


def base(reference: str = NAME, **update: object) -> BaseImage:
    made = BaseImage(reference=reference, diff_ids=(BASE_DIFF,), created=NOW)
    return made.model_copy(update=update)


def listing(*bases: BaseImage, **ages: object) -> Policy:
    known = policy()
    changed = known.decision.base.model_copy(update=ages)
    return known.model_copy(
        update={
            "safelist": known.safelist.model_copy(update={"base_images": bases}),
            "decision": known.decision.model_copy(update={"base": changed}),
        }
    )


def declaring(*names: str, registry: str = "mcr.microsoft.com", **update: object) -> Evidence:
    origin = Origin(kind=OriginKind.IMAGE_REGISTRY, location=registry)
    written = [name.partition("|") for name in names]
    images = tuple(
        Reference(kind=Kind.IMAGE, name=name, spec=spec, origins=(origin,), file="Dockerfile", line=1, **update)
        for name, _, spec in written
    )
    references = (*GOOD.environment.references, *images)
    return GOOD.model_copy(update={"environment": Declared(references=references, files=("Dockerfile",))})


def said(decision: Decision, rule: str) -> list[tuple[str, Status]]:
    return [(answer.code, answer.status) for answer in decision.results if answer.rule == rule]


def test_a_base_without_layers_is_none() -> None:
    with pytest.raises(ValidationError, match="every image would stand on it"):
        BaseImage(reference="x")
    with pytest.raises(ValidationError, match="as many"):
        BaseImage(reference="x", diff_ids=(PINNED,), layers=(PINNED, OTHER))


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("mcr.microsoft.com/a/b:1", "mcr.microsoft.com/a/b"),
        ("localhost:5000/a", "localhost:5000/a"),
        (f"localhost:5000/a:1@{PINNED}", "localhost:5000/a"),
        ("a", "a"),
    ],
)
def test_a_repository_is_what_is_left_without_tag_and_digest(reference: str, repository: str) -> None:
    assert repository_of(reference) == repository


def test_leading_layers_are_told_by_diff_id_or_by_digest_and_never_by_a_mix() -> None:
    layers = [
        LayerFact(digest=sha256_of(b"d%d" % number), diff_id=sha256_of(b"i%d" % number), size=1, media_type="x")
        for number in range(3)
    ]
    digests, ids = tuple(one.digest for one in layers), tuple(one.diff_id for one in layers)
    for listed in (digests[:2], ids[:2]):
        for entry in (BaseImage(reference="b", diff_ids=listed), BaseImage(reference="b", layers=listed)):
            found = match_base(layers, catalogue_of([entry]))
            assert found is not None
            assert found.layers == 2
    assert BaseImage(reference="b", layers=digests[:2]).is_below(layers)
    assert BaseImage(reference="b", diff_ids=ids[:2]).is_below(layers)
    for wrong in ((digests[0], ids[1]), digests[1:], ids[:2] + digests[2:], ()):
        assert match_base(layers, [("b", wrong)]) is None
    longer = BaseImage(reference="b", diff_ids=(*ids, PINNED))
    assert match_base(layers, catalogue_of([longer])) is None
    assert not longer.is_below(layers)


def test_a_base_that_is_told_by_digests_alone_is_listed() -> None:
    entry = base(diff_ids=(), layers=(GOOD.image.image.layers[0].digest,))
    assert decide(GOOD, listing(entry), NOW).outcome is Outcome.PROMOTE


def test_an_old_base_discards_and_the_newer_one_is_named() -> None:
    old = base(created=NOW - timedelta(days=181))
    newer = base("mcr.microsoft.com/base:2", diff_ids=(PINNED,), created=NOW - timedelta(days=1))
    coming = base("mcr.microsoft.com/base:3", diff_ids=(OTHER,), created=NOW + timedelta(days=1))
    decision = decide(GOOD, listing(old, newer, coming), NOW)
    assert decision.outcome is Outcome.DISCARD
    (answer,) = [one for one in decision.results if one.rule == "base-image"]
    assert (answer.code, answer.params["newer"]) == ("base_too_old", "mcr.microsoft.com/base:2")
    alone = decide(GOOD, listing(old), NOW)
    assert [one.params["newer"] for one in alone.results if one.code == "base_too_old"] == ["none is listed"]


def test_age_ends_at_the_limit_and_the_youngest_entry_of_the_same_layers_counts() -> None:
    edge = base(created=NOW - timedelta(days=180))
    assert decide(GOOD, listing(edge), NOW).outcome is Outcome.PROMOTE
    old = base(created=NOW - timedelta(days=999))
    assert decide(GOOD, listing(old, base()), NOW).outcome is Outcome.PROMOTE
    assert decide(GOOD, listing(base(), max_age=timedelta(seconds=1)), NOW).outcome is Outcome.PROMOTE


@pytest.mark.parametrize(
    ("treatment", "outcome", "status"),
    [
        (Treatment.WARN, Outcome.PROMOTE, [("base_undated", Status.WARN), ("base_listed", Status.PASS)]),
        (Treatment.BLOCK, Outcome.DISCARD, [("base_undated", Status.FAIL)]),
        (Treatment.ALLOW, Outcome.PROMOTE, [("base_listed", Status.PASS)]),
    ],
)
def test_a_base_without_a_date_or_from_the_future_is_as_old_as_policy_says(
    treatment: Treatment, outcome: Outcome, status: list[tuple[str, Status]]
) -> None:
    for created in (None, NOW + timedelta(days=1)):
        decision = decide(GOOD, listing(base(created=created), undated=treatment), NOW)
        assert (decision.outcome, said(decision, "base-image")) == (outcome, status)


def test_a_definition_that_names_no_base_claims_nothing() -> None:
    assert said(decide(GOOD, policy(), NOW), "base-declared") == [("no_from", Status.PASS)]
    for case in (
        declaring("docker.io/python", registry="docker.io"),
        declaring("mcr.microsoft.com/${X}", undetermined="unresolved_variable"),
    ):
        assert said(decide(case, policy(), NOW), "base-declared") == [("no_from", Status.PASS)]


@pytest.mark.parametrize("name", [NAME, f"{NAME}|1", f"{NAME}|{PINNED}", f"{NAME}|1@{PINNED}"])
def test_a_from_that_names_the_base_of_these_layers_holds(name: str) -> None:
    decision = decide(declaring(name), listing(base(digest=PINNED)), NOW)
    assert said(decision, "base-declared") == [("from_holds", Status.PASS)]
    assert decision.outcome is Outcome.PROMOTE
    indexed = listing(base(digest=OTHER, index=PINNED))
    assert said(decide(declaring(name), indexed, NOW), "base-declared") == [("from_holds", Status.PASS)]


def test_a_from_of_several_stages_holds_by_one_that_fits() -> None:
    decision = decide(declaring("mcr.microsoft.com/build", NAME), policy(), NOW)
    assert said(decision, "base-declared") == [("from_holds", Status.PASS)]


def test_a_from_that_says_mcr_over_layers_that_are_not_is_contradicted() -> None:
    elsewhere = base("mcr.microsoft.com/other:1", diff_ids=(OWN_DIFF,))
    decision = decide(declaring("mcr.microsoft.com/other|1"), listing(base(), elsewhere), NOW)
    assert decision.outcome is Outcome.DISCARD
    assert said(decision, "base-declared") == [("from_contradicted", Status.FAIL)]
    nothing = decide(declaring("mcr.microsoft.com/other|1"), listing(elsewhere), NOW)
    assert said(nothing, "base-declared") == [("from_contradicted", Status.FAIL)]
    (answer,) = [one for one in nothing.results if one.rule == "base-declared"]
    assert answer.params["found"] == "no base of the catalogue"


def test_a_pinned_from_over_another_version_is_contradicted() -> None:
    decision = decide(declaring(f"{NAME}|{OTHER}"), listing(base(digest=PINNED)), NOW)
    assert decision.outcome is Outcome.DISCARD
    assert said(decision, "base-declared") == [("digest_contradicted", Status.FAIL)]
    undated = decide(declaring(f"{NAME}|{OTHER}"), listing(base()), NOW)
    assert said(undated, "base-declared") == [("from_holds", Status.PASS)]


def test_a_from_that_the_catalogue_does_not_know_holds_the_image() -> None:
    decision = decide(declaring("mcr.microsoft.com/unknown|1"), policy(), NOW)
    assert decision.outcome is Outcome.HOLD
    assert said(decision, "base-declared") == [("from_not_in_catalogue", Status.UNKNOWN)]
    pinned = decide(declaring(f"mcr.microsoft.com/unknown|{OTHER}"), policy(), NOW)
    (answer,) = [one for one in pinned.results if one.rule == "base-declared"]
    assert answer.subject == f"mcr.microsoft.com/unknown@{OTHER}"


def test_a_from_of_a_mirror_is_the_registrys_only_where_policy_says_so() -> None:
    name = "mirror.example.org/mcr/base"
    case = declaring(name, registry="mirror.example.org")
    refused = decide(case, policy(), NOW)
    assert refused.outcome is Outcome.DISCARD
    assert ("origin_image_registry", Status.FAIL) in said(refused, "declared-origin")
    known = policy()
    registry = ImageRegistry(host="mcr.microsoft.com", mirrors=("mirror.example.org/mcr",))
    safelist = known.safelist.model_copy(update={"image_registries": (registry,)})
    decision = decide(case, known.model_copy(update={"safelist": safelist}), NOW)
    assert said(decision, "base-declared") == [("from_holds", Status.PASS)]
    assert decision.outcome is Outcome.PROMOTE
    other = declaring("mirror.example.org/dockerhub/base", registry="mirror.example.org")
    assert decide(other, known.model_copy(update={"safelist": safelist}), NOW).outcome is Outcome.DISCARD


def test_a_part_of_a_registry_is_listed_by_its_path() -> None:
    known = policy()
    registry = ImageRegistry(host="mcr.microsoft.com", path="base")
    safelist = known.safelist.model_copy(update={"image_registries": (registry,)})
    narrow = known.model_copy(update={"safelist": safelist})
    assert decide(declaring(NAME), narrow, NOW).outcome is Outcome.PROMOTE
    assert decide(declaring("mcr.microsoft.com/basement"), narrow, NOW).outcome is Outcome.DISCARD


@pytest.mark.parametrize("mirror", ["", "https://mirror.example.org/mcr", "user@mirror.example.org/mcr", "a.example/"])
def test_a_mirror_is_a_place_and_nothing_else(mirror: str) -> None:
    with pytest.raises(ValidationError):
        ImageRegistry(host="mcr.microsoft.com", mirrors=(mirror,))


def folder_with(tmp_path: Path, text: str) -> Path:

    for name in ("allowlist", "exceptions"):
        shutil.copytree(embedded() / name, tmp_path / name)
    bases = tmp_path / "allowlist" / "bases"
    bases.mkdir(exist_ok=True)
    (bases / "one.yaml").write_text(text)
    return tmp_path


def test_the_files_of_the_catalogue_are_part_of_the_policy(tmp_path: Path) -> None:
    text = f"version: gate.bases/1\nbases:\n- reference: {NAME}:1\n  diff_ids: ['{PINNED}']\n"
    folder = folder_with(tmp_path, text)
    before = load_policy().fingerprint()
    known = load_policy(folder)
    assert [one.reference for one in known.safelist.base_images] == [f"{NAME}:1"]
    assert known.fingerprint() != before
    assert policy_problems(folder) == ()


@pytest.mark.parametrize(
    "text",
    ["", "version: gate.bases/1\nbases: []\n", "version: gate.bases/2\nbases: [{reference: x, diff_ids: []}]\n"],
)
def test_a_file_of_the_catalogue_that_can_not_be_read_is_a_problem(tmp_path: Path, text: str) -> None:
    folder = folder_with(tmp_path, text)
    with pytest.raises(PolicyError):
        load_policy(folder)
    assert [problem.error_code for problem in policy_problems(folder)] == ["policy_invalid"]
