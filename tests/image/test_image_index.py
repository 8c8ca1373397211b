"""From an index to its one image, or a refusal that says why."""

from __future__ import annotations

import pytest
from image.image_manifests import (
    DOCKER_LIST,
    FILES,
    child,
    index,
    read,
    refused,
)
from image.image_world import OCI_INDEX, Layer, World, layer

from gate.errors import IntegrityError, NotFoundError
from gate.image.manifest import STATEMENT
from gate.model.base import sha256_of


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
    marks = {"vnd.docker.reference.type": "attestation-manifest"}
    only = child(world, world.image(layer(FILES)), "unknown/unknown", annotations=marks)
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


def test_a_child_that_is_for_another_platform_than_the_index_says_is_refused() -> None:
    world = World()
    refused(world, index(world, child(world, world.image(layer(FILES)), "linux/arm64")), "platform_contradiction")


def test_a_child_whose_architecture_only_begins_like_the_one_said_is_refused() -> None:
    world = World()
    digest = world.image(layer(FILES), config={"architecture": "arm64"})
    refused(world, index(world, child(world, digest, "linux/arm")), "platform_contradiction")


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
