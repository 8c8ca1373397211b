"""What is attached to an image goes where it goes; what is about it and somebody's own keeps it from being deleted."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from acr_world.client import acr_client, acr_place
from promotion.promotion_memory import Fault, FaultyStore, MemoryStore, Repository
from promotion.promotion_world import PLACES, RELEASE, STAGING, condemned, planned
from registry.contract_images import Sample, image, index, manifest_of, plain, push

from gate.bounds import ImageBounds
from gate.errors import BoundError, ConflictError, GateError, InputError, UpstreamError
from gate.http.client import HttpClient
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.promotion.attach import attach
from gate.promotion.attached import read_attachments
from gate.promotion.discard import discard
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_discard, prepare_promotion
from gate.promotion.promote import promote
from gate.promotion.steps import Verb
from gate.promotion.tree import describe
from gate.promotion.withdraw import withdraw
from gate.registry.auth import NoCredentials
from gate.registry.content import OCI_INDEX
from gate.registry.interface import Manifest
from gate.registry.referring import listed_referrers, referrers_tag
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acr_world.facade import AcrFacade
    from servers.registry import RegistryServer

    from gate.registry.interface import ImageWriter


def about(subject: Sample, seed: str, **more: Any) -> Sample:
    return image(seed, artifactType=f"application/vnd.test.{seed}", subject=plain(describe(subject.manifest)), **more)


AMD64 = image("amd64")
PROVENANCE = image("provenance")
APP = index(AMD64, PROVENANCE)
"""An image and what BuildKit attests of it, as one index."""
SBOM = about(APP, "sbom")
SIGNATURE = about(SBOM, "signature")
CHILD_SBOM = about(AMD64, "child-sbom")
ABOUT = {APP.digest: SBOM, SBOM.digest: SIGNATURE, AMD64.digest: CHILD_SBOM}


def put(store: ImageWriter, place: ImageRef, subject: Sample, attached: Sample) -> None:
    push(store, place, attached)
    attach(store, place, subject.digest, describe(attached.manifest))


def furnished(store: ImageWriter, staging: ImageRef, *tags: str) -> ImageRef:
    source = push(store, staging, APP, *(tags or ("1",)))
    for subject, attached in ((APP, SBOM), (SBOM, SIGNATURE), (AMD64, CHILD_SBOM)):
        put(store, staging, subject, attached)
    return source


def listed(store: ImageWriter, place: ImageRef, subject: str) -> list[str]:
    return [one.digest for one in listed_referrers(store, place.at(subject))]


@pytest.fixture
def plain_store() -> Iterator[RemoteRegistry]:
    client = HttpClient()
    yield RemoteRegistry(client, NoCredentials())
    client.close()


def check_whole_way(store: ImageWriter, staging: ImageRef, places: Places) -> None:
    source = furnished(store, staging)
    plan = prepare_promotion(source, places, source_store=store, target_store=store)
    receipt = promote(plan, store, store)
    target = places.release_of(source)
    assert receipt.digest == APP.digest
    for subject, attached in ABOUT.items():
        assert listed(store, target, subject) == [attached.digest]
        assert store.manifest(target.at(attached.digest)) == attached.manifest
    assert promote(plan, store, store).already_there
    discard(prepare_discard(source, places, store=store), store, places=places)
    for sample in (APP, AMD64, PROVENANCE, *ABOUT.values()):
        with pytest.raises(GateError):
            store.manifest(source.at(sample.digest))
        assert store.manifest(target.at(sample.digest)) == sample.manifest
    assert store.tags(staging) == ()


def test_in_memory_attachments_and_theirs_go_with_the_image_and_are_discarded_with_it() -> None:
    check_whole_way(MemoryStore(), STAGING, PLACES)


def test_in_a_registry_without_the_referrers_api_the_list_under_the_tag_goes_along(
    plain_store: RemoteRegistry, registry: RegistryServer
) -> None:
    base = f"{registry.host}/attached"
    staging = ImageRef(transport=Transport.REGISTRY, repository=f"{base}/staging/app")
    check_whole_way(plain_store, staging, Places.of([(f"{base}/staging", f"{base}/release")]))


def test_in_azure_the_referrers_api_lists_what_came_along(acr: AcrFacade) -> None:
    store = acr_client(acr)
    base = acr_place(acr).repository.removesuffix("/app")
    staging = ImageRef(transport=Transport.REGISTRY, repository=f"{base}/staging/app")
    source = furnished(store, staging)
    places = Places.of([(f"{base}/staging", f"{base}/release")])
    receipt = promote(prepare_promotion(source, places, source_store=store, target_store=store), store, store)
    assert receipt.locked
    target = places.release_of(source)
    for subject, attached in ABOUT.items():
        assert listed(store, target, subject) == [attached.digest]
    assert store.tags(target) == ("1",)
    discard(prepare_discard(source, places, store=store), store, places=places)
    assert store.tags(staging) == ()


def test_what_is_only_listed_as_attached_is_not_released() -> None:
    store = MemoryStore()
    source = push(store, STAGING, APP, "1")
    stranger, foreign = image("stranger"), about(APP, "foreign")
    layers = [{"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", "digest": APP.digest, "size": 1}]
    foreign = about(APP, "elsewhere", layers=layers)
    put(store, STAGING, APP, stranger)
    put(store, STAGING, APP, foreign)
    put(store, STAGING, APP, SBOM)
    ghost = describe(image("ghost").manifest)
    by_tag = STAGING.model_copy(update={"tag": referrers_tag(APP.digest)})
    entries = [plain(describe(one.manifest)) for one in (stranger, foreign, SBOM)] + [plain(ghost)]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    store.repositories[STAGING.place].manifests[ghost.digest] = image("ghost").manifest
    store.put_manifest(by_tag, manifest_of(document, OCI_INDEX))
    del store.repositories[STAGING.place].manifests[ghost.digest]
    plan = planned(store, source)
    promote(plan, store, store)
    assert {(one.code, one.subject) for one in plan.omitted} == {
        ("referrer_of_another", stranger.digest),
        ("referrer_foreign_layer", foreign.digest),
        ("referrer_unread", ghost.digest),
    }
    assert set(store.repositories[RELEASE.place].manifests) >= {APP.digest, SBOM.digest}
    assert not {stranger.digest, foreign.digest, ghost.digest} & store.repositories[RELEASE.place].manifests.keys()


def test_more_attachments_than_the_bound_are_an_error_and_not_cut_off() -> None:
    store = MemoryStore()
    source = furnished(store, STAGING)
    with pytest.raises(BoundError) as refused:
        read_attachments(store, [APP.digest, AMD64.digest], source, bounds=ImageBounds(referrers=2))
    assert refused.value.error_code == "too_many_referrers"
    assert len(read_attachments(store, [APP.digest, AMD64.digest], source).attached) == 3


def test_a_tag_for_attachments_on_something_else_is_no_list() -> None:
    store = MemoryStore()
    source = push(store, STAGING, APP, "1")
    push(store, STAGING, image("decoy"), referrers_tag(APP.digest))
    assert planned(store, source).omitted == ()
    with pytest.raises(ConflictError) as refused:
        attach(store, STAGING, APP.digest, describe(AMD64.manifest))
    assert refused.value.error_code == "referrers_tag_taken"


@pytest.mark.parametrize("how", ["tagged", "in-an-index", "signature-tagged"])
def test_somebodys_own_image_about_the_digest_keeps_it(how: str) -> None:
    """A patched image that names the original as its subject: Azure would delete it with the original."""
    store = MemoryStore()
    source = furnished(store, STAGING)
    patched = about(SBOM if how == "signature-tagged" else APP, "patched")
    put(store, STAGING, SBOM if how == "signature-tagged" else APP, patched)
    push(store, STAGING, index(patched) if how == "in-an-index" else patched, "patched")
    before = store.snapshot()
    with pytest.raises(ConflictError) as refused:
        condemned(store, source)
    assert refused.value.error_code == "digest_in_use"
    assert "patched" in refused.value.message
    assert store.repositories == before


def test_an_attachment_that_gets_a_name_after_the_plan_stops_the_discard() -> None:
    store = MemoryStore()
    plan = condemned(store, furnished(store, STAGING))
    push(store, STAGING, SBOM, "mine")
    before = store.snapshot()
    with pytest.raises(ConflictError) as refused:
        discard(plan, store, places=PLACES)
    assert refused.value.error_code == "digest_in_use"
    assert store.repositories == before


@pytest.mark.parametrize("name", ["tagged", "indexed", "image"])
def test_a_protected_manifest_under_the_tag_for_attachments_is_not_deleted(name: str) -> None:
    """Whoever may push can put that tag on anything."""
    store = MemoryStore()
    protected = image("prod") if name == "image" else index(image("prod"))
    source = push(store, STAGING, APP, "1")
    push(store, STAGING, protected, referrers_tag(APP.digest))
    if name == "tagged":
        push(store, STAGING, protected, "prod")
    if name == "indexed":
        push(store, STAGING, index(protected), "prod")
    discard(condemned(store, source), store, places=PLACES)
    assert protected.digest in store.repositories[STAGING.place].manifests
    assert image("prod").digest in store.repositories[STAGING.place].manifests
    assert APP.digest not in store.repositories[STAGING.place].manifests


def test_a_damaged_image_is_discarded_with_what_is_attached() -> None:
    store = MemoryStore()
    source = furnished(store, STAGING)
    del store.repositories[STAGING.place].manifests[APP.digest]
    store.repositories[STAGING.place].tags.pop("1")
    plan = condemned(store, source)
    discard(plan, store, places=PLACES)
    assert SBOM.digest not in store.repositories[STAGING.place].manifests
    assert SIGNATURE.digest not in store.repositories[STAGING.place].manifests


def test_attachments_are_withdrawn_with_a_denied_promotion() -> None:
    store = MemoryStore()
    plan = planned(store, furnished(store, STAGING))
    promote(plan, store, store)
    assert withdraw(plan, store) is not None
    assert store.repositories[RELEASE.place].manifests == {}
    assert store.repositories[RELEASE.place].tags == {}


@pytest.mark.parametrize("lost", [False, True])
def test_a_fault_at_any_call_is_mended_by_running_again(lost: bool) -> None:
    store = MemoryStore()
    plan = planned(store, furnished(store, STAGING))
    calls = length(plan)
    assert calls > 60
    for at in range(calls):
        store = MemoryStore()
        furnished(store, STAGING)
        faulty = FaultyStore(store, {at: Fault(error=UpstreamError("cut"), lost=lost)})
        with contextlib.suppress(GateError):
            promote(plan, faulty, faulty)
        if "1" in store.repositories.get(RELEASE.place, Repository()).tags:  # who sees the tag finds all of it
            assert all(listed(store, RELEASE, subject) == [one.digest] for subject, one in ABOUT.items())
        promote(plan, store, store)
        assert all(listed(store, RELEASE, subject) == [one.digest] for subject, one in ABOUT.items())


def length(plan: Any) -> int:
    store = MemoryStore()
    furnished(store, STAGING)
    faulty = FaultyStore(store)
    promote(plan, faulty, faulty)
    return len(faulty.trace)


class Forgetful(MemoryStore):
    """Takes the list and loses it."""

    def put_manifest(self, target: ImageRef, manifest: Any) -> None:
        if not target.tag.startswith("sha256-"):
            super().put_manifest(target, manifest)


def test_an_attachment_that_is_not_listed_is_not_said_to_be() -> None:
    store = Forgetful()
    push(store, STAGING, APP, "1")
    push(store, STAGING, SBOM)
    with pytest.raises(UpstreamError) as failed:
        attach(store, STAGING, APP.digest, describe(SBOM.manifest))
    assert failed.value.error_code == "attach_unproved"


def test_a_plan_names_what_it_attaches_to_what() -> None:
    store = MemoryStore()
    plan = planned(store, furnished(store, STAGING))
    attached = {step.descriptor.digest: step.subject for step in plan.steps if step.verb is Verb.ATTACH}
    assert attached == {one.digest: subject for subject, one in ABOUT.items()}
    verbs = [step.verb for step in plan.steps]
    assert verbs.index(Verb.ATTACH) > max(n for n, verb in enumerate(verbs) if verb is Verb.PUT_MANIFEST)
    assert verbs.index(Verb.SET_TAG) > max(n for n, verb in enumerate(verbs) if verb is Verb.ATTACH)


def test_a_missing_layer_is_refused_with_its_digest_and_leaves_no_tag() -> None:
    store = MemoryStore()
    source = push(store, STAGING, APP, "1")
    missing = next(iter(AMD64.blobs))
    del store.repositories[STAGING.place].blobs[missing.digest]
    plan = planned(store, source)
    with pytest.raises(GateError) as refused:
        promote(plan, store, store)
    assert missing.digest in refused.value.message
    assert store.tags(RELEASE) == ()
    assert APP.digest not in store.repositories.get(RELEASE.place, Repository()).manifests


def test_a_list_that_is_no_json_is_an_error() -> None:
    store = MemoryStore()
    source = push(store, STAGING, APP, "1")
    raw = Manifest(digest=sha256_of(b"{"), media_type=OCI_INDEX, raw=b"{")
    store.repositories[STAGING.place].manifests[raw.digest] = raw
    store.repositories[STAGING.place].tags[referrers_tag(APP.digest)] = raw.digest
    with pytest.raises(InputError):
        planned(store, source)
