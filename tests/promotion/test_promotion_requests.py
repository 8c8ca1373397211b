"""What a promotion asks of a registry: few requests, the proofs among them, in the order that makes them proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from promotion.promotion_requests import Remembering
from registry.contract_images import CONFIG_TYPES, LAYER_TYPES, Sample, descriptor_of, image, manifest_of, plain, push

from gate.errors import ConflictError
from gate.model.image import ImageRef, Transport
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_promotion
from gate.promotion.promote import promote
from gate.registry.auth import NoCredentials
from gate.registry.content import OCI_MANIFEST
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.registry import RegistryServer

    from gate.promotion.plan_promotion import PromotionPlan

WORKERS = 6
CHANGES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def client() -> Iterator[Remembering]:
    made = Remembering()
    yield made
    made.close()


@pytest.fixture
def store(client: Remembering) -> RemoteRegistry:
    return RemoteRegistry(client, NoCredentials())


def layered(seed: str, layers: int = 6) -> Sample:
    """Return an image of a config and as many layers."""
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    blobs = {descriptor_of(config, CONFIG_TYPES[OCI_MANIFEST]): config}
    for number in range(layers):
        data = f"{seed} {number}".encode()
        blobs[descriptor_of(data, LAYER_TYPES[OCI_MANIFEST])] = data
    first, *rest = [plain(descriptor) for descriptor in blobs]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": first, "layers": rest}
    return Sample(manifest=manifest_of(document, OCI_MANIFEST), blobs=blobs)


def staged(store: RemoteRegistry, host: str, own: str, sample: Sample) -> tuple[ImageRef, Places]:
    staging = ImageRef(transport=Transport.REGISTRY, repository=f"{host}/{own}/staging/app")
    return push(store, staging, sample, "1"), Places.of([(f"{host}/{own}/staging", f"{host}/{own}/release")])


def planned(store: RemoteRegistry, source: ImageRef, places: Places) -> PromotionPlan:
    return prepare_promotion(source, places, source_store=store, target_store=store, workers=WORKERS)


def test_a_promotion_of_seven_blobs_takes_few_requests(
    store: RemoteRegistry, client: Remembering, registry: RegistryServer
) -> None:
    source, places = staged(store, registry.host, "few", layered("few"))
    client.asked.clear()
    plan = planned(store, source, places)
    assert len(client.asked) <= 8  # that nothing is attached is asked twice: of the referrers API and of the tag
    assert not [line for line in client.asked if line.startswith(CHANGES)]
    client.asked.clear()
    promote(plan, store, store, workers=WORKERS)
    assert len(client.asked) <= 22


def test_the_last_looks_before_the_tag_are_at_the_tag_and_all_is_read_after_it(
    store: RemoteRegistry, client: Remembering, registry: RegistryServer
) -> None:
    sample = layered("order")
    source, places = staged(store, registry.host, "order", sample)
    plan = planned(store, source, places)
    client.asked.clear()
    promote(plan, store, store, workers=WORKERS)
    release = "/v2/order/release/app"
    tagged = client.asked.index(f"PUT {release}/manifests/1")
    assert client.asked[tagged - 2 : tagged] == [f"GET {release}/manifests/1", f"GET {release}/tags/list"]
    assert client.asked[tagged - 3] == f"PUT {release}/manifests/{sample.digest}"
    assert sorted(client.asked[tagged + 1 :]) == sorted([
        f"GET {release}/manifests/1",
        f"GET {release}/manifests/{sample.digest}",
        *(f"HEAD {release}/blobs/{blob.digest}" for blob in sample.blobs),
    ])  # fmt: skip
    assert f"GET /v2/order/staging/app/manifests/{sample.digest}" in client.asked[:tagged]


def test_a_promotion_that_was_done_only_reads(
    store: RemoteRegistry, client: Remembering, registry: RegistryServer
) -> None:
    source, places = staged(store, registry.host, "done", layered("done"))
    plan = planned(store, source, places)
    promote(plan, store, store, workers=WORKERS)
    client.asked.clear()
    assert promote(plan, store, store, workers=WORKERS).already_there
    assert not [line for line in client.asked if line.startswith(CHANGES)]
    assert not [line for line in client.asked if "/staging/" in line]


def test_a_tag_that_is_taken_since_the_plan_stops_before_anything_is_written(
    store: RemoteRegistry, client: Remembering, registry: RegistryServer
) -> None:
    source, places = staged(store, registry.host, "taken", layered("taken"))
    plan = planned(store, source, places)
    push(store, plan.target.model_copy(update={"digest": None, "tag": ""}), image("thief"), "1")
    client.asked.clear()
    with pytest.raises(ConflictError) as refused:
        promote(plan, store, store, workers=WORKERS)
    assert (refused.value.error_code, refused.value.facts["holds"]) == ("tag_taken", image("thief").digest)
    assert not [line for line in client.asked if line.startswith(CHANGES)]
