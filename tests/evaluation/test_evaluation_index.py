"""An index from its digest to its release, or to nothing: read, decided and moved as one, image by image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from evaluation.index_world import BASE, policy_over, push_index, world_over
from evaluation.worlds import NOW, submission

from gate.demo.images import Layer
from gate.errors import NotFoundError
from gate.evaluation import Submission
from gate.model.decision import Decision, Outcome, Status
from gate.model.evidence import Evidence
from gate.model.image import ChildRole
from gate.policy.decide import decide
from gate.promotion.plan_discard import DiscardPlan
from gate.promotion.plan_promotion import PromotionPlan
from gate.promotion.receipt import DiscardReceipt, PromotionReceipt
from gate.promotion.steps import Verb
from gate.registry.layout import OciLayout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gate.model.image import ImageRef

EVIL = Layer({"usr/lib/python3/dist-packages/evil.py": b"print()\n"})


def judged(folder: Path, ref: ImageRef, unseen: Sequence[str] = ()) -> tuple[Submission, Evidence, Decision]:
    policy = policy_over(folder)
    given = Submission(ref=ref, environment=submission().environment, policy=policy)
    evidence = world_over(folder, unseen).gather(given, (), submitted_at=NOW, now=NOW)
    return given, evidence, decide(evidence, policy, NOW)


def blocking(decision: Decision) -> set[tuple[str, str, str]]:
    bad = {Status.FAIL, Status.UNKNOWN}
    return {(one.rule, one.code, one.platform) for one in decision.results if one.status in bad}


def test_an_index_is_read_image_by_image_and_released_in_the_same_bytes(tmp_path: Path) -> None:
    ref = push_index(tmp_path / "staging", "1", {"amd64": (), "arm64": ()})
    given, evidence, decision = judged(tmp_path, ref)
    assert blocking(decision) == set()
    assert (decision.outcome, decision.subject) == (Outcome.PROMOTE, ref.digest)
    assert evidence.index is not None
    assert [child.role for child in evidence.index.children] == [
        ChildRole.IMAGE,
        ChildRole.IMAGE,
        ChildRole.ATTESTATION,
    ]
    read = [view.image for view in evidence.views()]
    assert [one.image.platform for one in read] == ["linux/amd64", "linux/arm64"]
    assert {one.base.reference for one in read if one.base} == {BASE}
    assert {one.image.index_digest for one in read} == {ref.digest}

    world = world_over(tmp_path)
    plan = world.plan(given, decision)
    assert isinstance(plan, PromotionPlan)
    put = [step.descriptor.digest for step in plan.steps if step.verb is Verb.PUT_MANIFEST]
    assert sorted(put) == sorted([str(ref.digest), *(child.digest for child in evidence.index.children)])
    receipt = world.act(given, decision, plan.canonical())
    assert isinstance(receipt, PromotionReceipt)
    released = receipt.target
    assert OciLayout().resolve(released.model_copy(update={"digest": None})) == ref.digest
    for child in evidence.index.children:
        assert OciLayout().manifest(released.at(child.digest)) == OciLayout().manifest(ref.at(child.digest))


def test_code_in_one_image_discards_the_index_and_everything_below_it(tmp_path: Path) -> None:
    ref = push_index(tmp_path / "staging", "1", {"amd64": (), "arm64": (EVIL,)})
    given, evidence, decision = judged(tmp_path, ref)
    assert decision.outcome is Outcome.DISCARD
    assert ("other-content", "importable", "linux/arm64") in blocking(decision)
    assert {platform for _, _, platform in blocking(decision)} == {"linux/arm64"}
    world = world_over(tmp_path)
    plan = world.plan(given, decision)
    assert isinstance(plan, DiscardPlan)
    receipt = world.act(given, decision, plan.canonical())
    assert isinstance(receipt, DiscardReceipt)
    assert evidence.index is not None
    assert set(receipt.deleted) == {ref.digest, *(child.digest for child in evidence.index.children)}
    for digest in receipt.deleted:
        with pytest.raises(NotFoundError):
            OciLayout().manifest(ref.at(digest))
    assert not (tmp_path / "release").exists()


def test_a_base_of_another_platform_is_no_base(tmp_path: Path) -> None:
    """The second image's layers are swapped for something that nobody lists."""
    ref = push_index(tmp_path / "staging", "1", {"amd64": (), "riscv64": ()})
    _, _, decision = judged(tmp_path, ref)
    assert decision.outcome is Outcome.DISCARD
    assert ("base-image", "no_listed_base", "linux/riscv64") in blocking(decision)
    assert ("index-children", "base_differs", "") in blocking(decision)
    assert all(platform != "linux/amd64" for _, _, platform in blocking(decision))


def test_a_scan_of_one_image_is_no_scan_of_the_other(tmp_path: Path) -> None:
    ref = push_index(tmp_path / "staging", "1", {"amd64": (), "arm64": ()})
    _, evidence, _ = judged(tmp_path, ref)
    second = evidence.siblings[0].image.image.digest
    _, _, decision = judged(tmp_path, ref, unseen=(second,))
    assert decision.outcome is Outcome.HOLD
    assert {(rule, platform) for rule, _, platform in blocking(decision)} == {
        ("scan-proof", "linux/arm64"),
        ("advisories-complete", "linux/arm64"),
    }


def test_evidence_of_an_index_does_not_depend_on_when_it_is_read(tmp_path: Path) -> None:
    ref = push_index(tmp_path / "staging", "1", {"amd64": (), "arm64": ()})
    _, evidence, _ = judged(tmp_path, ref)
    _, again, _ = judged(tmp_path, ref)
    assert evidence == again
