"""Attach a document to a digest as an OCI artifact: a bill of materials, a signed verdict.

Source: OCI image specification 1.1, "Guidelines for Artifact Usage".
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

from gate.errors import InputError, IntegrityError, NotFoundError
from gate.model.base import Value, canonical_json, sha256_of
from gate.promotion.attach import attach
from gate.promotion.tree import describe, read_node
from gate.registry.content import OCI_MANIFEST
from gate.registry.interface import Descriptor, Manifest
from gate.registry.referring import listed_referrers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.model.digest import Digest
    from gate.model.image import ImageRef
    from gate.promotion.receipt import ReadBack
    from gate.registry.interface import ImageWriter

_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_LARGEST = 16 * 1024 * 1024


class Document(Value):
    """What is attached: its artifact type, the media type of its bytes, and the bytes."""

    artifact_type: str
    media_type: str
    data: bytes


def attach_document(store: ImageWriter, subject: ImageRef, about: Descriptor, document: Document) -> ReadBack:
    """Write the document as an artifact about the subject and see it listed. The same document twice is one.

    Raises:
        UpstreamError: the store failed, or does not list it (`attach_unproved`).
    """
    place = subject.model_copy(update={"tag": "", "digest": None})
    config = Descriptor(digest=sha256_of(_EMPTY), size=len(_EMPTY), media_type=_EMPTY_TYPE)
    layer = Descriptor(digest=sha256_of(document.data), size=len(document.data), media_type=document.media_type)
    for descriptor, data in ((config, _EMPTY), (layer, document.data)):
        if not store.has_blob(place, descriptor.digest):
            store.upload_blob(place, descriptor, BytesIO(data))
    manifest = _manifest(document, config, layer, about)
    store.put_manifest(place, manifest)
    return attach(store, place, about.digest, describe(manifest))


def attached_documents(
    store: ImageWriter, subject: ImageRef, artifact_type: str, *, accept: Callable[[bytes], bool], most: int = 100
) -> tuple[Digest, ...]:
    """Return the artifacts of a type about the subject whose one document is accepted; what can't be read is not."""
    found = []
    for listed in listed_referrers(store, subject)[:most]:
        try:
            node = read_node(store, subject.at(listed.digest))
            raw = json.loads(store.manifest(subject.at(listed.digest)).raw)
            about, layers = node.content.subject, node.content.blobs[1:]
            if raw.get("artifactType") != artifact_type or about is None or about.digest != subject.digest:
                continue
            if len(layers) != 1 or layers[0].size > _LARGEST:
                continue
            with store.blob(subject, layers[0]) as stream:
                if accept(stream.read()):
                    found.append(listed.digest)
        except (InputError, IntegrityError, NotFoundError):
            continue
    return tuple(found)


def _manifest(document: Document, config: Descriptor, layer: Descriptor, about: Descriptor) -> Manifest:
    raw = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": document.artifact_type,
            "config": _written(config),
            "layers": [_written(layer)],
            "subject": _written(about),
        }
    )
    return Manifest(digest=sha256_of(raw), media_type=OCI_MANIFEST, raw=raw)


def _written(descriptor: Descriptor) -> dict[str, object]:
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}
