"""Small images for tests of stores: real manifests over a few bytes of made-up layers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from gate.model.base import sha256_of
from gate.model.image import ImageRef
from gate.registry.content import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from gate.registry.interface import Descriptor, ImageWriter, Manifest

CONFIG_TYPES = {
    OCI_MANIFEST: "application/vnd.oci.image.config.v1+json",
    DOCKER_MANIFEST: "application/vnd.docker.container.image.v1+json",
}
LAYER_TYPES = {
    OCI_MANIFEST: "application/vnd.oci.image.layer.v1.tar+gzip",
    DOCKER_MANIFEST: "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


@dataclass(frozen=True)
class Sample:
    """A manifest, the blobs that it needs, and its children with theirs."""

    manifest: Manifest
    blobs: dict[Descriptor, bytes] = field(default_factory=dict)
    children: tuple[Sample, ...] = ()

    @property
    def digest(self) -> str:
        """The digest of the manifest's bytes."""
        return self.manifest.digest


def descriptor_of(data: bytes, media_type: str) -> Descriptor:
    """Describe the bytes."""
    return Descriptor(digest=sha256_of(data), size=len(data), media_type=media_type)


def manifest_of(data: dict[str, Any], media_type: str, *, indent: int | None = 3) -> Manifest:
    """Write a manifest. The odd indent is the point: whoever parses and writes it again changes the digest."""
    raw = json.dumps(data, indent=indent).encode() + b"\n"
    return Manifest(digest=sha256_of(raw), media_type=media_type, raw=raw)


def plain(descriptor: Descriptor) -> dict[str, Any]:
    """Write a descriptor as a manifest has it."""
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}


def image(seed: str, *, media_type: str = OCI_MANIFEST, **more: object) -> Sample:
    """Make an image whose bytes depend on the seed alone."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "seed": seed}).encode()
    contents = [f"layer {number} of {seed}".encode() * 7 for number in range(2)]
    blobs = {descriptor_of(config, CONFIG_TYPES[media_type]): config}
    blobs |= {descriptor_of(data, LAYER_TYPES[media_type]): data for data in contents}
    described = [plain(blob) for blob in blobs]
    data = {"schemaVersion": 2, "mediaType": media_type, "config": described[0], "layers": described[1:], **more}
    return Sample(manifest=manifest_of(data, media_type), blobs=blobs)


def index(*children: Sample, media_type: str = OCI_INDEX) -> Sample:
    """Make an index over the children."""
    entries = [
        plain(descriptor_of(child.manifest.raw, child.manifest.media_type))
        | {"platform": {"architecture": f"arch{number}", "os": "linux"}}
        for number, child in enumerate(children)
    ]
    data = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    return Sample(manifest=manifest_of(data, media_type), children=children)


def docker_list(*children: Sample) -> Sample:
    """Make a Docker manifest list over the children."""
    return index(*children, media_type=DOCKER_LIST)


def push(store: ImageWriter, place: ImageRef, sample: Sample, *tags: str) -> ImageRef:
    """Write the sample, children first, under each of the tags; return it pinned to its digest."""
    for child in sample.children:
        push(store, place, child)
    for descriptor, data in sample.blobs.items():
        store.upload_blob(place, descriptor, BytesIO(data))
    for tag in tags or ("",):
        store.put_manifest(place.model_copy(update={"tag": tag, "digest": None}), sample.manifest)
    return place.model_copy(update={"tag": tags[0] if tags else "", "digest": sample.digest})
