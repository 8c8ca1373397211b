"""What an index lists: every image told apart from what lies beside it, or a refusal that says why."""

from __future__ import annotations

import pytest
from image.image_manifests import (
    BOUNDS,
    DOCKER_LIST,
    FILES,
    child,
    index,
    read,
    refused,
)
from image.image_world import OCI_INDEX, Layer, World, layer, ref_to

from gate.bounds import ImageBounds
from gate.errors import BoundError, IntegrityError, NotFoundError, UsageError
from gate.image.index import STATEMENT, Remembered, in_index, read_index
from gate.image.inventory import read_inventory
from gate.model.base import sha256_of
from gate.model.image import ChildRole, IndexFacts

MARKS = {"vnd.docker.reference.type": "attestation-manifest"}


def listed(world: World, digest: str, bounds: ImageBounds = BOUNDS) -> IndexFacts:
    found = read_index(world, ref_to(digest), bounds=bounds)
    assert found is not None
    return found


def statement() -> Layer:
    return Layer(packed=b"{}", diff_id=sha256_of(b"{}"), media_type=STATEMENT)


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_with_one_image_leads_to_it_and_both_digests_are_named(media_type: str) -> None:
    world = World()
    digest = world.image(layer(FILES))
    statement = Layer(packed=b"{}", diff_id=sha256_of(b"{}"), media_type=STATEMENT)
    attestation = world.image(statement)
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest}
    outer = index(
        world,
        child(world, digest),
        child(world, attestation, "unknown/unknown", annotations=marks),
        media_type=media_type,
    )
    facts = read(world, outer)
    assert (facts.digest, facts.index_digest) == (digest, outer)


@pytest.mark.parametrize(
    ("platform", "annotations"),
    [
        ("unknown/unknown", {}),
        ("unknown/unknown", {"vnd.docker.reference.type": "something-else"}),
        ("linux/amd64", {"vnd.docker.reference.type": "attestation-manifest"}),
        (None, {"vnd.docker.reference.type": "attestation-manifest"}),
    ],
)
def test_a_child_with_one_mark_of_an_attestation_is_an_image(platform: str | None, annotations: dict[str, str]) -> None:
    world = World()
    good, evil = world.image(layer(FILES)), world.image(layer({"evil": b""}))
    outer = index(world, child(world, good), child(world, evil, platform, annotations=annotations))
    assert [one.digest for one in listed(world, outer).images] == [good, evil]
    refused(world, outer, "index_has_several_platforms")


def test_an_index_with_several_images_is_left_to_be_decided_child_by_child() -> None:
    world = World()
    amd, arm = world.image(layer(FILES)), world.image(layer(FILES), config={"architecture": "arm64"})
    error = refused(
        world, index(world, child(world, amd), child(world, arm, "linux/arm64")), "index_has_several_platforms"
    )
    assert amd in error.message
    assert arm in error.message
    assert "digest" in error.hint


def test_an_index_with_attestations_alone_holds_no_image() -> None:
    world = World()
    only = child(world, world.image(layer(FILES)), "unknown/unknown", annotations=MARKS)
    refused(world, index(world, only), "index_without_image")
    refused(world, index(world), "index_without_image")


def test_an_index_inside_an_index_is_refused() -> None:
    world = World()
    inner = index(world, child(world, world.image(layer(FILES))))
    refused(world, index(world, child(world, inner)), "index_nested")


def test_a_child_of_another_size_than_the_index_says_is_refused() -> None:
    world = World()
    entry = child(world, world.image(layer(FILES)))
    refused(world, index(world, entry | {"size": entry["size"] + 1}), "digest_mismatch", IntegrityError)


def test_an_image_that_is_no_index_lists_nothing() -> None:
    world = World()
    assert read_index(world, ref_to(world.image(layer(FILES))), bounds=BOUNDS) is None


def test_a_tag_is_no_index() -> None:
    with pytest.raises(UsageError):
        read_index(World(), ref_to(sha256_of(b"")).model_copy(update={"digest": None, "tag": "1"}), bounds=BOUNDS)


def test_images_and_attestations_are_told_apart_and_keep_their_order() -> None:
    world = World()
    amd, arm = world.image(layer(FILES)), world.image(layer(FILES), config={"architecture": "arm64"})
    attested = world.image(statement())
    about = MARKS | {"vnd.docker.reference.digest": arm}
    outer = index(
        world,
        child(world, amd),
        child(world, attested, "unknown/unknown", annotations=about),
        child(world, arm, "linux/arm64"),
    )
    found = listed(world, outer)
    assert [(one.digest, one.role, one.platform, one.about) for one in found.children] == [
        (amd, ChildRole.IMAGE, "linux/amd64", ""),
        (attested, ChildRole.ATTESTATION, "unknown/unknown", arm),
        (arm, ChildRole.IMAGE, "linux/arm64", ""),
    ]
    assert (found.digest, found.media_type, [one.digest for one in found.images]) == (outer, OCI_INDEX, [amd, arm])


def test_a_child_is_listed_once_however_often_the_index_says_it() -> None:
    world = World()
    entry = child(world, world.image(layer(FILES)))
    assert len(listed(world, index(world, entry, entry)).children) == 1


@pytest.mark.parametrize("other", ["linux/arm64", "unknown/unknown", None])
def test_one_digest_under_two_names_is_refused(other: str | None) -> None:
    world = World()
    digest = world.image(statement())
    outer = index(world, child(world, digest), child(world, digest, other, annotations=MARKS))
    refused(world, outer, "manifest_ambiguous")


def test_a_platform_in_two_spellings_is_refused() -> None:
    world = World()
    entry = child(world, world.image(layer(FILES)))
    entry["platform"]["OS"] = "unknown"
    refused(world, index(world, entry), "manifest_ambiguous")


def test_more_children_than_the_bound_are_not_looked_at() -> None:
    world = World()
    outer = index(world, *(child(world, world.image(layer({str(number): b""}))) for number in range(3)))
    kept = world.manifests[outer]
    world.manifests.clear()
    world.manifests[outer] = kept
    with pytest.raises(BoundError) as caught:
        read_index(world, ref_to(outer), bounds=ImageBounds(children=2))
    assert caught.value.facts["bound"] == "children"


def test_a_manifest_is_asked_for_once_and_blobs_every_time() -> None:
    world = World()
    digest = world.image(layer(FILES))
    outer = index(world, child(world, digest))
    known = Remembered(world)
    facts = read_index(known, ref_to(outer), bounds=BOUNDS)
    kept = dict(world.manifests)
    world.manifests.clear()
    inventory, _ = read_inventory(known, ref_to(digest), bounds=BOUNDS)
    read_inventory(known, ref_to(digest), bounds=BOUNDS)
    assert len(world.opened) == 4
    assert in_index(inventory, facts).image.index_digest == outer
    assert in_index(inventory, None) == inventory
    world.manifests.update(kept)
    assert known.resolve(ref_to(digest)) == digest
    with pytest.raises(NotFoundError):
        known.manifest(ref_to(digest).model_copy(update={"digest": None, "tag": "latest"}))


def test_a_child_without_a_platform_is_read() -> None:
    world = World()
    digest = world.image(layer(FILES))
    assert read(world, index(world, child(world, digest, None))).digest == digest


def test_a_missing_child_is_not_found() -> None:
    world = World()
    entry = child(world, world.image(layer(FILES)))
    outer = index(world, entry)
    del world.manifests[entry["digest"]]
    refused(world, outer, "not_found", NotFoundError)


def test_a_manifest_that_is_also_an_index_is_refused() -> None:
    world = World()
    refused(world, world.image(layer(FILES), manifests=[]), "manifest_ambiguous")
