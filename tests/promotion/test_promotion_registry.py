"""Promote and discard against the real registry, with the real engine as the judge of what was released."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from promotion.promotion_memory import Fault, FaultyStore
from registry.contract_images import image, index, push

from gate.errors import GateError, NotFoundError, UpstreamError
from gate.http.client import HttpClient
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.promotion.discard import discard
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_discard, prepare_promotion
from gate.promotion.promote import promote
from gate.registry.auth import NoCredentials
from gate.registry.layout import OciLayout
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers.engine import DockerEngine
    from servers.registry import RegistryServer

APP = index(image("amd64"), image("arm64"))


@pytest.fixture
def store() -> Iterator[RemoteRegistry]:
    client = HttpClient()
    yield RemoteRegistry(client, NoCredentials())
    client.close()


def places_on(host: str, own: str) -> Places:
    return Places.of([(f"{host}/{own}/staging", f"{host}/{own}/release")])


def staging_on(host: str, own: str) -> ImageRef:
    return ImageRef(transport=Transport.REGISTRY, repository=f"{host}/{own}/staging/app")


def test_an_index_is_promoted_whole_and_discarded_whole(store: RemoteRegistry, registry: RegistryServer) -> None:
    places, staging = places_on(registry.host, "whole"), staging_on(registry.host, "whole")
    source = push(store, staging, APP, "1.0", "latest")
    neighbour = push(store, staging, image("neighbour"), "2.0")
    receipt = promote(prepare_promotion(source, places, source_store=store, target_store=store), store, store)
    assert {move.how for move in receipt.blobs} == {"copied"}
    released = places.release_of(source)
    assert store.manifest(released) == APP.manifest

    gone = discard(prepare_discard(source, places, store=store), store, places=places)
    assert (gone.tags, gone.already_gone) == (("1.0", "latest"), False)
    assert set(gone.deleted) == {APP.digest, *(child.digest for child in APP.children)}
    assert store.tags(staging) == ("2.0",)
    assert store.manifest(neighbour) == image("neighbour").manifest
    for part in (APP, *APP.children):
        assert store.manifest(released.at(part.digest)) == part.manifest
        assert all(store.has_blob(released, blob.digest) for blob in part.blobs)
        with pytest.raises(NotFoundError):
            store.manifest(source.at(part.digest))
    assert discard(prepare_discard(source, places, store=store), store, places=places).already_gone


def test_what_docker_pushed_is_pulled_from_release_after_staging_is_empty(
    store: RemoteRegistry, registry: RegistryServer, docker_engine: DockerEngine, tmp_path: Path
) -> None:
    places, staging = places_on(registry.host, "docker"), staging_on(registry.host, "docker")
    (tmp_path / "data").write_text("data")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY data /\nCOPY Dockerfile /\n")
    image_id = docker_engine.build(tmp_path, "gate-tests/promotion:1")
    pushed = docker_engine.push("gate-tests/promotion:1", f"{staging.repository}:1")
    source = parse_image_ref(f"{staging.repository}:1").at(pushed)
    receipt = promote(prepare_promotion(source, places, source_store=store, target_store=store), store, store)
    assert receipt.digest == pushed
    discard(prepare_discard(source, places, store=store), store, places=places)
    docker_engine.remove(f"{staging.repository}:1", "gate-tests/promotion:1")
    release = places.release_of(source).repository
    assert docker_engine.pull(f"{release}:1") == image_id
    assert docker_engine.pull(f"{release}@{pushed}") == image_id


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "answer-lost"])
def test_a_fault_at_any_call_is_mended_by_running_again(
    store: RemoteRegistry,
    registry: RegistryServer,
    lost: bool,
) -> None:
    at, longest = 0, 1
    while at < longest:
        own = f"faults-{sha256_of(f'{lost}{at}'.encode())[7:19]}"
        places, staging = places_on(registry.host, own), staging_on(registry.host, own)
        source = push(store, staging, image(own), "1")
        fault = {at: Fault(error=UpstreamError("no answer"), lost=lost)}
        promotion = prepare_promotion(source, places, source_store=store, target_store=store)
        faulty = FaultyStore(store, fault)
        with contextlib.suppress(GateError):
            promote(promotion, faulty, faulty)
        assert store.manifest(source) == image(own).manifest
        assert store.tags(places.release_of(source)) in {(), ("1",)}
        promote(promotion, store, store)
        assert store.manifest(places.release_of(source)) == image(own).manifest
        condemned = prepare_discard(source, places, store=store)
        with contextlib.suppress(GateError):
            discard(condemned, FaultyStore(store, fault), places=places)
        discard(condemned, store, places=places)
        assert store.tags(staging) == ()
        assert store.manifest(places.release_of(source)) == image(own).manifest
        at, longest = at + 1, max(longest, len(faulty.trace) + 1)
    assert at > 12


def test_a_registry_that_does_not_delete_fails_the_discard_and_keeps_the_image(
    store: RemoteRegistry, undeleting_registry: RegistryServer
) -> None:
    places, staging = places_on(undeleting_registry.host, "stays"), staging_on(undeleting_registry.host, "stays")
    place = push(store, staging, image("stays"), "1")
    with pytest.raises(UpstreamError) as caught:
        discard(prepare_discard(place, places, store=store), store, places=places)
    assert caught.value.error_code == "delete_disabled"
    assert store.manifest(place) == image("stays").manifest


def test_a_registry_that_is_gone_proves_no_discard(store: RemoteRegistry, registry: RegistryServer) -> None:
    places, staging = places_on(registry.host, "gone"), staging_on(registry.host, "gone")
    place = push(store, staging, image("gone"), "1")
    plan = prepare_discard(place, places, store=store)
    nowhere = plan.model_copy(update={"place": place.model_copy(update={"repository": "127.0.0.1:1/gone/staging/app"})})
    with pytest.raises(GateError):
        discard(nowhere, store, places=places_on("127.0.0.1:1", "gone"))
    assert store.manifest(place) == image("gone").manifest


def test_from_a_folder_into_a_registry_the_bytes_are_uploaded(
    store: RemoteRegistry, registry: RegistryServer, tmp_path: Path
) -> None:
    layout = OciLayout()
    folder = ImageRef(transport=Transport.OCI_LAYOUT, repository=str(tmp_path / "app"))
    source = push(layout, folder, APP, "1")
    there = push(store, staging_on(registry.host, "crossing"), APP, "1")
    plan = prepare_promotion(there, places_on(registry.host, "crossing"), source_store=store, target_store=store)
    crossing = plan.model_copy(update={"source": source, "same_store": False})
    receipt = promote(crossing, layout, store)
    assert {move.how for move in receipt.blobs} == {"uploaded"}
    assert store.manifest(plan.target) == APP.manifest
