"""Documents beside an image: whoever may push may list anything, and only one that holds together is taken."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import STAGING
from registry.contract_images import image, push

from gate.model.base import sha256_of
from gate.model.image import ImageRef
from gate.promotion.attach import attach
from gate.promotion.document import Document, attach_document, attached_documents
from gate.promotion.tree import describe
from gate.registry.content import OCI_MANIFEST
from gate.registry.interface import Descriptor, Manifest

APP, OTHER = image("app"), image("other")
KIND = "application/x.verdict"
DOCUMENT = Document(artifact_type=KIND, media_type=KIND, data=b"verdict")
EMPTY = "application/vnd.oci.empty.v1+json"


def listed(store: MemoryStore, place: ImageRef, body: dict[str, Any]) -> str:
    """Write an artifact and have it listed as one about the image, whatever it says itself."""
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, **body}).encode()
    manifest = Manifest(digest=sha256_of(raw), media_type=OCI_MANIFEST, raw=raw)
    store.put_manifest(place.model_copy(update={"tag": "", "digest": None}), manifest)
    attach(store, place, APP.digest, describe(manifest))
    return manifest.digest


def blob(store: MemoryStore, place: ImageRef, data: bytes, media_type: str = KIND) -> dict[str, Any]:
    descriptor = Descriptor(digest=sha256_of(data), size=len(data), media_type=media_type)
    store.upload_blob(place, descriptor, BytesIO(data))
    return {"mediaType": media_type, "digest": descriptor.digest, "size": descriptor.size}


def about(manifest: Manifest = APP.manifest) -> dict[str, Any]:
    described = describe(manifest)
    return {"mediaType": described.media_type, "digest": described.digest, "size": described.size}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def place(store: MemoryStore) -> ImageRef:
    return push(store, STAGING, APP, "1")


def seen(store: MemoryStore, place: ImageRef) -> tuple[list[bytes], tuple[str, ...]]:
    """Return what was shown to whoever accepts, and what was taken."""
    shown: list[bytes] = []

    def accept(data: bytes) -> bool:
        shown.append(data)
        return True

    return shown, attached_documents(store, place, KIND, accept=accept)


def test_a_document_is_read_back_and_the_same_twice_is_one(store: MemoryStore, place: ImageRef) -> None:
    for _ in range(2):
        attach_document(store, place, describe(APP.manifest), DOCUMENT)
    shown, taken = seen(store, place)
    assert (shown, len(taken)) == ([b"verdict"], 1)


@pytest.mark.parametrize("kind", ["other-subject", "no-subject", "other-type", "two-layers", "no-layer", "too-large"])
def test_a_listed_artifact_that_is_not_one_document_about_the_image_is_not_even_read(
    store: MemoryStore, place: ImageRef, kind: str
) -> None:
    push(store, STAGING, OTHER, "2")
    layer = blob(store, place, b"forged")
    layers = {"two-layers": [layer, layer], "no-layer": [], "too-large": [layer | {"size": 17 * 1024 * 1024}]}
    body: dict[str, Any] = {
        "artifactType": "application/x.other" if kind == "other-type" else KIND,
        "config": blob(store, place, b"{}", EMPTY),
        "layers": layers.get(kind, [layer]),
    }
    if kind != "no-subject":
        body["subject"] = about(OTHER.manifest) if kind == "other-subject" else about()
    listed(store, place, body)
    assert seen(store, place) == ([], ())


def test_a_document_whose_bytes_are_gone_or_others_is_passed_over_and_the_next_is_read(
    store: MemoryStore, place: ImageRef
) -> None:
    config = blob(store, place, b"{}", EMPTY)
    gone = blob(store, place, b"gone")
    listed(store, place, {"artifactType": KIND, "config": config, "layers": [gone], "subject": about()})
    (repository,) = store.repositories.values()
    del repository.blobs[gone["digest"]]
    lying = blob(store, place, b"right")
    listed(
        store,
        place,
        {"artifactType": KIND, "config": config, "layers": [lying | {"size": 99}], "subject": about()},
    )
    attach_document(store, place, describe(APP.manifest), DOCUMENT)
    shown, taken = seen(store, place)
    assert (shown, len(taken)) == ([b"verdict"], 1)


def test_a_list_of_what_is_not_there_is_no_document(store: MemoryStore, place: ImageRef) -> None:
    attach_document(store, place, describe(APP.manifest), DOCUMENT)
    _, taken = seen(store, place)
    store.delete_manifest(place.at(taken[0]))
    assert seen(store, place) == ([], ())


def test_no_more_are_looked_at_than_was_asked_for(store: MemoryStore, place: ImageRef) -> None:
    for data in (b"one", b"two", b"three"):
        attach_document(store, place, describe(APP.manifest), DOCUMENT.model_copy(update={"data": data}))
    assert len(attached_documents(store, place, KIND, accept=lambda _: True)) == 3
    assert len(attached_documents(store, place, KIND, accept=lambda _: True, most=2)) == 2
