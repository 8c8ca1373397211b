"""Plans: every step named in order, and the refusals before anything is touched."""

from __future__ import annotations

import pytest
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import HOST, PLACES, RELEASE, STAGING, condemned, planned
from registry.contract_images import docker_list, image, index, plain, push

from gate.errors import ConflictError, IntegrityError
from gate.model.image import ImageRef, Transport
from gate.promotion.plan_discard import DiscardPlan, plan_discard
from gate.promotion.plan_promotion import PromotionPlan, plan_promotion
from gate.promotion.state import StagingState, TargetState, look_at_staging
from gate.promotion.steps import Refused, Verb
from gate.promotion.tree import read_tree
from gate.registry.content import DOCKER_MANIFEST, OCI_MANIFEST
from gate.registry.interface import Manifest

OTHER = "sha256:" + "1" * 64


def refusal(store: MemoryStore, source: ImageRef, target: ImageRef, state: TargetState | None = None) -> str:
    plan = plan_promotion(read_tree(store, source), source, target, state or TargetState())
    assert isinstance(plan, Refused)
    assert plan.message
    assert plan.error().error_code == plan.code
    return plan.code


def test_blobs_come_before_the_manifest_and_the_tag_comes_last() -> None:
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, image("app"), "1.0"))
    assert [step.verb for step in plan.steps] == [Verb.COPY_BLOB] * 3 + [Verb.PUT_MANIFEST, Verb.SET_TAG]
    assert plan.steps[-1].tag == "1.0"
    assert plan.target == RELEASE.model_copy(update={"tag": "1.0", "digest": plan.digest})
    assert plan.same_store
    assert plan.omitted == ()
    assert PromotionPlan.parse(plan.canonical()) == plan


def test_an_index_is_promoted_with_every_child_before_it() -> None:
    store = MemoryStore()
    inner = index(image("a"), image("b"))
    outer = index(inner, image("c"), image("a"))
    plan = planned(store, push(store, STAGING, outer, "multi"))
    put = [step.descriptor.digest for step in plan.steps if step.verb is Verb.PUT_MANIFEST]
    assert put == [image("a").digest, image("b").digest, inner.digest, image("c").digest, outer.digest]
    copied = [step.descriptor.digest for step in plan.steps if step.verb is Verb.COPY_BLOB]
    assert len(copied) == len(set(copied)) == 9


def test_a_docker_list_keeps_its_media_types() -> None:
    store = MemoryStore()
    listed = docker_list(image("d", media_type=DOCKER_MANIFEST))
    plan = planned(store, push(store, STAGING, listed, "1"))
    assert plan.steps[-2].descriptor.media_type == listed.manifest.media_type


def test_without_a_tag_nothing_is_tagged_and_the_plan_says_so() -> None:
    store = MemoryStore()
    plan = planned(store, push(store, STAGING, image("app")))
    assert Verb.SET_TAG not in {step.verb for step in plan.steps}
    assert [omission.code for omission in plan.omitted] == ["no_tag"]


def test_a_subject_is_named_as_left_behind() -> None:
    store = MemoryStore()
    signed = image("signed")
    about = image("signature", subject=plain(read_tree(store, push(store, STAGING, signed)).root))
    plan = planned(store, push(store, STAGING, about, "sig"))
    assert [(omission.code, omission.subject) for omission in plan.omitted] == [("subject_not_copied", signed.digest)]


def test_a_release_tag_on_another_digest_is_refused() -> None:
    store = MemoryStore()
    source = push(store, STAGING, image("new"), "1.0")
    held = push(store, RELEASE, image("old"), "1.0")
    with pytest.raises(ConflictError) as caught:
        planned(store, source)
    assert caught.value.error_code == "tag_taken"
    assert caught.value.facts["holds"] == held.digest


def test_a_release_tag_on_the_same_digest_is_no_obstacle() -> None:
    store = MemoryStore()
    source = push(store, STAGING, image("new"), "1.0")
    push(store, RELEASE, image("new"), "1.0")
    assert planned(store, source).digest == source.digest


def test_a_repository_is_not_promoted_into_itself() -> None:
    store = MemoryStore()
    source = push(store, STAGING, image("app"), "1")
    assert refusal(store, source, source.model_copy(update={"tag": "2"})) == "same_repository"


def test_a_local_engine_has_nothing_to_promote() -> None:
    store = MemoryStore()
    engine = ImageRef(transport=Transport.DOCKER_ENGINE, repository="app", tag="1")
    source = push(store, engine, image("app"), "1")
    assert refusal(store, source, RELEASE) == "source_not_promotable"


def test_a_place_with_two_spellings_is_refused() -> None:
    store = MemoryStore()
    source = push(store, STAGING, image("app"), "1")
    target = RELEASE.model_copy(update={"repository": f"{HOST}/release/../staging/app"})
    assert refusal(store, source, target) == "place_unclear"


def test_a_source_that_is_not_what_was_read_is_refused() -> None:
    store = MemoryStore()
    source = push(store, STAGING, image("app"), "1")
    tree = read_tree(store, source)
    plan = plan_promotion(tree, source.at(OTHER), RELEASE, TargetState())
    assert isinstance(plan, Refused)
    assert plan.code == "digest_differs"


@pytest.mark.parametrize(
    "mark",
    [
        {"urls": ["https://example.org/layer"]},
        {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
        {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
    ],
)
def test_layers_that_lie_elsewhere_are_refused(mark: dict[str, object]) -> None:
    store = MemoryStore()
    plainly = image("app")
    layer = plain(list(plainly.blobs)[1]) | mark
    source = push(store, STAGING, image("app", layers=[layer]), "1")
    assert refusal(store, source, RELEASE) == "foreign_layer"


def test_outside_staging_nothing_is_planned() -> None:
    store = MemoryStore()
    released = push(store, RELEASE, image("app"), "1")
    for attempt in (planned, condemned):
        with pytest.raises(ConflictError) as caught:
            attempt(store, released)
        assert caught.value.error_code == "not_staging"


def test_a_discard_names_the_tags_that_vanish() -> None:
    store = MemoryStore()
    place = push(store, STAGING, image("app"), "1.0", "latest")
    push(store, STAGING, image("other"), "2.0")
    plan = condemned(store, place)
    assert plan.tags == ("1.0", "latest")
    assert [(step.verb, step.descriptor.digest) for step in plan.steps] == [(Verb.DELETE_MANIFEST, place.digest)]
    assert DiscardPlan.parse(plan.canonical()) == plan


def test_a_discard_without_a_digest_is_refused() -> None:
    store = MemoryStore()
    push(store, STAGING, image("app"), "1.0")
    with pytest.raises(ConflictError) as caught:
        condemned(store, STAGING.model_copy(update={"tag": "1.0"}))
    assert caught.value.error_code == "digest_missing"


def test_a_tree_of_another_digest_is_refused() -> None:
    store = MemoryStore()
    tree = read_tree(store, push(store, STAGING, image("app"), "1"))
    plan = plan_discard(tree, STAGING.at(OTHER), PLACES, StagingState())
    assert isinstance(plan, Refused)
    assert plan.code == "digest_differs"


@pytest.mark.parametrize("depth", [1, 2])
def test_a_child_of_another_index_is_not_discarded(depth: int) -> None:
    store = MemoryStore()
    child = image("amd64")
    parent = index(child, image("arm64"))
    top = parent if depth == 1 else index(parent)
    push(store, STAGING, top, "multi")
    with pytest.raises(ConflictError) as caught:
        condemned(store, STAGING.at(child.digest))
    assert caught.value.error_code == "digest_in_use"
    assert caught.value.facts["users"] == parent.digest
    assert ("multi" in caught.value.message) is (depth == 1)


def test_an_index_goes_with_the_children_that_nobody_else_needs() -> None:
    store = MemoryStore()
    own, tagged, shared = image("own"), image("tagged"), image("shared")
    doomed = push(store, STAGING, index(own, tagged, shared), "doomed")
    push(store, STAGING, tagged, "kept")
    other = push(store, STAGING, index(shared), "other")
    plan = condemned(store, doomed)
    assert [step.descriptor.digest for step in plan.steps] == [doomed.digest, own.digest]
    assert {(omission.code, omission.subject, omission.by) for omission in plan.omitted} == {
        ("child_tagged", tagged.digest, ("kept",)),
        ("child_in_use", shared.digest, (other.digest,)),
    }


def test_what_is_gone_or_damaged_can_still_be_discarded() -> None:
    store = MemoryStore()
    place = push(store, STAGING, image("app"), "1")
    raw = Manifest(digest=image("app").digest, media_type=OCI_MANIFEST, raw=b"damaged")
    store.repositories[STAGING.place].manifests[image("app").digest] = raw
    for _ in range(2):
        plan = condemned(store, place)
        assert [step.descriptor.digest for step in plan.steps] == [place.digest]
        assert [omission.code for omission in plan.omitted] == ["content_unread"]
        store.delete_manifest(place)


def test_a_damaged_neighbour_stops_a_discard() -> None:
    store = MemoryStore()
    place = push(store, STAGING, image("app"), "1")
    neighbour = push(store, STAGING, image("neighbour"), "2")
    raw = Manifest(digest=neighbour.digest or "", media_type=OCI_MANIFEST, raw=b"damaged")
    store.repositories[STAGING.place].manifests[neighbour.digest or ""] = raw
    with pytest.raises(IntegrityError):
        condemned(store, place)


def test_a_neighbour_that_is_no_image_lists_nothing() -> None:
    store = MemoryStore()
    place = push(store, STAGING, image("app"), "1")
    strange = image("strange").manifest.model_copy(update={"media_type": "application/x-strange"})
    store.repositories[STAGING.place].manifests[strange.digest] = strange
    store.repositories[STAGING.place].tags["strange"] = strange.digest
    state = look_at_staging(store, place)
    assert [holder.read for holder in state.holders if holder.digest == strange.digest] == [False]
    assert condemned(store, place).tags == ("1",)
