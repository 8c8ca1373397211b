"""Images of every shape over real registries, one and two: taken along whole, or refused with nothing left behind."""

from __future__ import annotations

import http.client
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from acr_world.client import acr_client
from registry.contract_images import (
    LAYER_TYPES,
    Sample,
    descriptor_of,
    docker_list,
    image,
    index,
    manifest_of,
    plain,
    push,
)
from servers.registry import RegistryServer, registry_server

from gate.errors import ConflictError, GateError
from gate.http.client import HttpClient
from gate.model.image import ImageRef, Transport
from gate.promotion.attach import attach
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_promotion
from gate.promotion.promote import promote
from gate.promotion.tree import describe
from gate.registry.auth import NoCredentials
from gate.registry.content import DOCKER_MANIFEST, OCI_INDEX
from gate.registry.interface import Descriptor
from gate.registry.referring import listed_referrers
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from acr_world.facade import AcrFacade
    from servers.engine import DockerEngine

    from gate.registry.interface import ImageWriter

WORKERS = 4
ELSEWHERE = "https://example.org/layer"


@dataclass(frozen=True, kw_only=True)
class World:
    """A staging and a release place that nobody else uses; `real` is the registry behind the staging one."""

    store: ImageWriter
    staging: ImageRef
    places: Places
    real: str

    @property
    def release(self) -> ImageRef:
        return self.places.release_of(self.staging)

    def promote(self, source: ImageRef) -> Any:
        plan = prepare_promotion(source, self.places, source_store=self.store, target_store=self.store, workers=WORKERS)
        return promote(plan, self.store, self.store, workers=WORKERS)

    def check_released(self, *samples: Sample) -> None:
        for sample in samples:
            assert self.store.manifest(self.release.at(sample.digest)) == sample.manifest
            for blob, data in sample.blobs.items():
                with self.store.blob(self.release, blob) as stream:
                    assert stream.read() == data

    def check_nothing_released(self, *samples: Sample) -> None:
        assert self.store.tags(self.release) == ()
        for sample in samples:
            with pytest.raises(GateError):
                self.store.manifest(self.release.at(sample.digest))


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with registry_server(tmp_path_factory.mktemp("second")) as server:
        yield server


@pytest.fixture(params=["one", "two", "azure"])
def world(request: pytest.FixtureRequest, registry: RegistryServer) -> Iterator[World]:
    own, host, kind = uuid.uuid4().hex, registry.host, request.param
    client = HttpClient()
    store: ImageWriter = RemoteRegistry(client, NoCredentials())
    if kind == "azure":
        acr: AcrFacade = request.getfixturevalue("acr")
        store, host = acr_client(acr), acr.host
    target = request.getfixturevalue("second").host if kind == "two" else host
    staging = ImageRef(transport=Transport.REGISTRY, repository=f"{host}/{own}/staging/app")
    places = Places.of([(f"{host}/{own}/staging", f"{target}/{own}/release")])
    yield World(store=store, staging=staging, places=places, real=registry.host)
    client.close()


def about(subject: Sample, seed: str, **more: Any) -> Sample:
    return image(seed, artifactType=f"application/vnd.test.{seed}", subject=plain(describe(subject.manifest)), **more)


def attached(world: World, subject: Sample, one: Sample) -> None:
    push(world.store, world.staging, one)
    attach(world.store, world.staging, subject.digest, describe(one.manifest))


def attested() -> Sample:
    """Return what BuildKit pushes: two platforms, and beside each its attestation, which is for no platform."""
    platforms = [image("shapes-amd64"), image("shapes-arm64")]
    attestations = [image(f"shapes-attestation-{number}") for number in range(2)]
    entries: list[dict[str, Any]] = [
        plain(describe(one.manifest)) | {"platform": {"os": "linux", "architecture": name}}
        for one, name in zip(platforms, ("amd64", "arm64"), strict=True)
    ]
    entries += [
        plain(describe(one.manifest))
        | {"platform": {"os": "unknown", "architecture": "unknown"}}
        | {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
        for one in attestations
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return Sample(manifest=manifest_of(document, OCI_INDEX), children=(*platforms, *attestations))


def test_all_platforms_and_their_attestations_are_released_in_the_same_bytes(world: World) -> None:
    sample = attested()
    receipt = world.promote(push(world.store, world.staging, sample, "1"))
    assert receipt.digest == sample.digest
    world.check_released(sample, *sample.children)
    assert world.store.tags(world.release) == ("1",)


def test_an_index_of_indexes_in_dockers_form_keeps_its_media_types(world: World) -> None:
    inner = docker_list(*(image(f"shapes-docker-{number}", media_type=DOCKER_MANIFEST) for number in range(2)))
    outer = docker_list(inner, image("shapes-docker-2", media_type=DOCKER_MANIFEST))
    world.promote(push(world.store, world.staging, outer, "1"))
    world.check_released(outer, inner, *inner.children, *outer.children[1:])


def test_what_is_attached_to_an_attachment_of_a_child_goes_along(world: World) -> None:
    sample = attested()
    sbom = about(sample.children[0], "shapes-sbom")
    signature = about(sbom, "shapes-signature")
    stamp = about(signature, "shapes-stamp")
    source = push(world.store, world.staging, sample, "1")
    chain = ((sample.children[0], sbom), (sbom, signature), (signature, stamp))
    for subject, one in chain:
        attached(world, subject, one)
    world.promote(source)
    world.check_released(sample, sbom, signature, stamp)
    for subject, one in chain:
        listed = listed_referrers(world.store, world.release.at(subject.digest))
        assert [found.digest for found in listed] == [one.digest]


@pytest.mark.parametrize(
    "kind", ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", LAYER_TYPES[DOCKER_MANIFEST]]
)
def test_a_layer_that_lies_elsewhere_is_refused_and_never_fetched(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign_type = kind.replace("diff.tar", "foreign.diff.tar")
    outside = plain(Descriptor(digest="sha256:" + "f" * 64, size=10, media_type=foreign_type)) | {"urls": [ELSEWHERE]}
    client = HttpClient()
    store = RemoteRegistry(client, NoCredentials())
    with registry_server(tmp_path_factory.mktemp("foreign"), urls=("^https://example[.]org/",)) as server:
        staging = ImageRef(transport=Transport.REGISTRY, repository=f"{server.host}/staging/app")
        places = Places.of([(f"{server.host}/staging", f"{server.host}/release")])
        media_type = DOCKER_MANIFEST if "docker" in kind else image("x").manifest.media_type
        base = image("shapes-foreign", media_type=media_type)
        sample = image(
            "shapes-foreign", media_type=media_type, layers=[*(plain(one) for one in list(base.blobs)[1:]), outside]
        )
        source = push(store, staging, sample, "1")
        with pytest.raises(ConflictError) as refused:
            prepare_promotion(source, places, source_store=store, target_store=store)
        assert refused.value.error_code == "foreign_layer"
        assert outside["digest"] in refused.value.facts["layers"]
        assert store.tags(places.release_of(source)) == ()
    client.close()


def test_a_layer_that_is_missing_is_named_and_leaves_neither_tag_nor_image(world: World) -> None:
    sample = attested()
    source = push(world.store, world.staging, sample, "1")
    missing = list(sample.children[1].blobs)[1]
    path = world.staging.repository.partition("/")[2]
    connection = http.client.HTTPConnection(world.real)
    connection.request("DELETE", f"/v2/{path}/blobs/{missing.digest}")
    assert connection.getresponse().status == http.client.ACCEPTED
    connection.close()
    with pytest.raises(GateError) as refused:
        world.promote(source)
    assert missing.digest in refused.value.message
    world.check_nothing_released(sample, sample.children[1])


def test_a_child_that_is_missing_is_refused_before_anything_is_brought(world: World) -> None:
    sample = index(image("shapes-kept"), image("shapes-gone"))
    source = push(world.store, world.staging, sample, "1")
    world.store.delete_manifest(world.staging.at(sample.children[1].digest))
    with pytest.raises(GateError):
        world.promote(source)
    world.check_nothing_released(sample, *sample.children)
    assert not any(world.store.has_blob(world.release, blob.digest) for blob in sample.children[0].blobs)


def test_the_engine_pulls_from_another_registry_what_was_promoted_into_it(
    registry: RegistryServer, second: RegistryServer, docker_engine: DockerEngine, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("another registry")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY data /\n")
    image_id = docker_engine.build(tmp_path, "gate-tests/shapes:1")
    staging = ImageRef(transport=Transport.REGISTRY, repository=f"{registry.host}/shapes/staging/app", tag="1")
    pushed = docker_engine.push("gate-tests/shapes:1", f"{staging.repository}:1")
    docker_engine.remove(f"{staging.repository}:1", "gate-tests/shapes:1")
    places = Places.of([(f"{registry.host}/shapes/staging", f"{second.host}/shapes/release")])
    client = HttpClient()
    store = RemoteRegistry(client, NoCredentials())
    # A real image under an index as well: what the engine asks for is then the index, and its platform's child.
    manifest = store.manifest(staging.at(pushed))
    entry = plain(descriptor_of(manifest.raw, manifest.media_type)) | {
        "platform": {"os": "linux", "architecture": "amd64"}
    }
    listed = manifest_of({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}, OCI_INDEX)
    store.put_manifest(staging.model_copy(update={"tag": "all"}), listed)
    for source in (staging.at(pushed), staging.model_copy(update={"tag": "all", "digest": listed.digest})):
        plan = prepare_promotion(source, places, source_store=store, target_store=store, workers=WORKERS)
        assert promote(plan, store, store, workers=WORKERS).digest == source.digest
        release = places.release_of(source).repository
        assert docker_engine.pull(f"{release}:{source.tag}") == image_id
        assert docker_engine.pull(f"{release}@{source.digest}") == image_id
        docker_engine.remove(f"{release}:{source.tag}")
    client.close()
