"""From a digest to one image, or a refusal that says why."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from image.image_manifests import (
    BOUNDS,
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    FILES,
    read,
    refused,
    with_config,
)
from image.image_world import LAYER, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, World, layer, ref_to

from gate.errors import BoundError, IntegrityError, UsageError
from gate.image.manifest import compression_of, read_image
from gate.model.base import sha256_of
from gate.registry.interface import Manifest


def test_an_oci_image_is_read_with_its_layers_and_diff_ids() -> None:
    world = World()
    one = layer(FILES)
    facts = read(world, digest := world.image(one, config={"variant": "v2"}))
    assert (facts.digest, facts.index_digest, facts.platform) == (digest, None, "linux/amd64/v2")
    assert facts.repository == "registry.example.org/app"
    assert facts.created == "2026-01-01T00:00:00Z"
    assert [(found.digest, found.diff_id, found.size) for found in facts.layers] == [
        (sha256_of(one.packed), one.diff_id, len(one.packed))
    ]
    assert compression_of(facts.layers[0]) == "gzip"


def test_a_docker_schema_2_image_is_read() -> None:
    world = World()
    one = layer(FILES)
    one.media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    digest = world.image(one)
    body = json.loads(world.manifests[digest].raw) | {"mediaType": DOCKER_MANIFEST}
    body["config"]["mediaType"] = DOCKER_CONFIG
    facts = read(world, world.keep(body, DOCKER_MANIFEST))
    assert facts.media_type == DOCKER_MANIFEST
    assert len(facts.layers) == 1


def test_a_manifest_without_a_media_type_of_its_own_is_what_the_store_says() -> None:
    world = World()
    body = json.loads(world.manifests[world.image(layer(FILES))].raw)
    del body["mediaType"]
    assert len(read(world, world.keep(body, OCI_MANIFEST)).layers) == 1


def test_a_ref_without_a_digest_is_refused() -> None:
    world = World()
    with pytest.raises(UsageError):
        read_image(world, ref_to(sha256_of(b"")).model_copy(update={"digest": None, "tag": "latest"}), bounds=BOUNDS)
    assert world.opened == []


def test_a_store_that_answers_with_another_manifest_is_caught() -> None:
    world = World()
    asked, other = world.image(layer(FILES)), world.image(layer({"evil": b""}))
    world.manifests[asked] = world.manifests[other]
    refused(world, asked, "digest_mismatch", IntegrityError)


@pytest.mark.parametrize(
    ("media_type", "code"),
    [
        ("application/vnd.docker.distribution.manifest.v1+json", "manifest_schema_1"),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", "manifest_schema_1"),
        ("application/json", "manifest_media_type"),
        ("", "manifest_media_type"),
    ],
)
def test_other_kinds_of_manifests_are_refused(media_type: str, code: str) -> None:
    world = World()
    raw = world.manifests[world.image(layer(FILES))].raw
    refused(world, world.keep(raw, media_type), code)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"schemaVersion": NaN}',
        b"[" * 100_000,
        b'{"schemaVersion": 2, "schemaVersion": 2}',
        b'{"schemaVersion": 1, "layers": [], "config": {}}',
        b'{"schemaVersion": 2, "layers": {}, "config": {}}',
        b'{"schemaVersion": 2, "layers": [7], "config": {}}',
        b'{"schemaVersion": 2, "layers": []}',
    ],
)
def test_a_manifest_that_is_none_is_refused(raw: bytes) -> None:
    world = World()
    refused(world, world.keep(raw, OCI_MANIFEST), "manifest_unreadable")


@pytest.mark.parametrize("media_type", [OCI_INDEX, OCI_MANIFEST])
def test_a_manifest_that_calls_itself_something_else_is_refused(media_type: str) -> None:
    world = World()
    other = OCI_MANIFEST if media_type == OCI_INDEX else OCI_INDEX
    body = json.loads(world.manifests[world.image(layer(FILES))].raw) | {"mediaType": other}
    refused(world, world.keep(body, media_type), "manifest_ambiguous")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body | {"Layers": []},
        lambda body: body | {"config": body["config"] | {"Digest": sha256_of(b"evil")}},
        lambda body: body | {"layers": [body["layers"][0] | {"DIGEST": sha256_of(b"evil")}]},
    ],
)
def test_keys_that_go_takes_for_others_are_refused(change: Any) -> None:
    world = World()
    body = json.loads(world.manifests[world.image(layer(FILES))].raw)
    refused(world, world.keep(change(body), OCI_MANIFEST), "manifest_ambiguous")


@pytest.mark.parametrize("config", [{"RootFS": {}}, {"rootfs": {"type": "layers", "diff_ids": [], "Diff_IDs": []}}])
def test_a_config_with_keys_that_go_takes_for_others_is_refused(config: dict[str, Any]) -> None:
    world = World()
    refused(world, world.image(layer(FILES), config=config), "manifest_ambiguous")


@pytest.mark.parametrize(
    ("media_type", "extra", "code"),
    [
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", {}, "layer_foreign"),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", {}, "layer_foreign"),
        (LAYER + "+gzip", {"urls": ["https://example.org/layer"]}, "layer_foreign"),
        (LAYER + "+lz4", {}, "layer_media_type"),
        ("application/octet-stream", {}, "layer_media_type"),
    ],
)
def test_layers_that_nobody_can_vouch_for_are_refused(media_type: str, extra: dict[str, Any], code: str) -> None:
    world = World()
    one = replace(layer(FILES), media_type=media_type, extra=extra)
    refused(world, world.image(one), code)


@pytest.mark.parametrize("digest", ["sha512:" + "0" * 128, "sha256:" + "A" * 64, "latest", ""])
def test_a_layer_without_a_digest_of_the_one_kind_is_refused(digest: str) -> None:
    world = World()
    refused(world, world.image(replace(layer(FILES), extra={"digest": digest})), "manifest_unreadable")


def test_an_artifact_is_no_image() -> None:
    world = World()
    refused(world, with_config(world, world.blob_of(b"{}", "application/vnd.oci.empty.v1+json")), "not_an_image")


@pytest.mark.parametrize("diff_ids", [[], ["sha256:" + "0" * 64] * 2])
def test_a_config_with_another_number_of_layers_is_refused(diff_ids: list[str]) -> None:
    world = World()
    rootfs = {"type": "layers", "diff_ids": diff_ids}
    refused(world, world.image(layer(FILES), config={"rootfs": rootfs}), "layer_count_differs")


@pytest.mark.parametrize(
    "config",
    [
        {"rootfs": {"type": "other", "diff_ids": []}},
        {"rootfs": {"type": "layers", "diff_ids": ["md5:0"]}},
        {"rootfs": []},
        {"os": 7},
    ],
)
def test_a_config_that_is_none_is_refused(config: dict[str, Any]) -> None:
    world = World()
    refused(world, world.image(layer(FILES), config=config), "manifest_unreadable")


def test_a_config_that_is_no_object_is_refused() -> None:
    world = World()
    refused(world, with_config(world, world.blob_of(b"[]", OCI_CONFIG)), "manifest_unreadable")
    refused(world, with_config(world, world.blob_of(b"{", OCI_CONFIG)), "config_unreadable")


def test_an_image_for_another_system_is_refused() -> None:
    world = World()
    refused(world, world.image(layer(FILES), config={"os": "windows"}), "platform_unsupported")


def test_a_config_that_goes_on_past_its_size_is_refused() -> None:
    world = World()
    config = world.blob_of(b"{}", OCI_CONFIG)
    world.blobs[config["digest"]] = b"{}" + b" " * 100
    refused(world, with_config(world, config), "digest_mismatch", IntegrityError)


def test_a_config_that_a_careless_store_does_not_stop_is_stopped_here() -> None:
    class Careless(World):
        def blob(self, ref: Any, descriptor: Any) -> Any:
            from contextlib import nullcontext  # noqa: PLC0415 - used here alone
            from io import BytesIO  # noqa: PLC0415

            del ref, descriptor
            return nullcontext(BytesIO(b"{}" + b" " * 100))

    world = Careless()
    refused(world, with_config(world, world.blob_of(b"{}", OCI_CONFIG)), "digest_mismatch", IntegrityError)


def test_bounds_of_manifest_config_and_layers_are_held() -> None:
    world = World()
    digest = world.image(layer(FILES), layer(FILES))
    size = len(world.manifests[digest].raw)
    for bounds, bound in (
        (replace(BOUNDS, manifest_bytes=size - 1), "manifest_bytes"),
        (replace(BOUNDS, layers=1), "layers"),
    ):
        with pytest.raises(BoundError) as caught:
            read(world, digest, bounds)
        assert caught.value.facts["bound"] == bound
    big = with_config(world, {"mediaType": OCI_CONFIG, "digest": sha256_of(b""), "size": BOUNDS.manifest_bytes + 1})
    with pytest.raises(BoundError, match="config"):
        read(world, big)
    assert world.opened == []


def test_the_manifest_in_hand_is_hashed_by_whoever_made_it() -> None:
    raw = b"{}"
    assert Manifest(digest=sha256_of(raw), media_type=OCI_MANIFEST, raw=raw).digest == sha256_of(raw)
