"""Small images made on the spot: as real as a registry asks for, with a layer of any bytes."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

from gate.model.base import sha256_of
from gate.model.image import ImageRef
from gate.registry.content import OCI_MANIFEST
from gate.registry.interface import Descriptor, ImageWriter, Manifest

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallImage:
    """A manifest and its blobs, config first."""

    manifest: Manifest
    blobs: tuple[tuple[Descriptor, bytes], ...]

    @property
    def layer(self) -> tuple[Descriptor, bytes]:
        """The one layer."""
        return self.blobs[1]

    def push(self, writer: ImageWriter, ref: ImageRef) -> ImageRef:
        """Write the image under the ref and return the ref with its digest."""
        for descriptor, data in self.blobs:
            writer.upload_blob(ref, descriptor, io.BytesIO(data))
        writer.put_manifest(ref, self.manifest)
        return ref.at(self.manifest.digest)


def descriptor_of(data: bytes, media_type: str) -> Descriptor:
    """Describe the bytes as they are."""
    return Descriptor(digest=sha256_of(data), size=len(data), media_type=media_type)


def small_image(layer: bytes) -> SmallImage:
    """Make an image of one layer."""
    top = descriptor_of(layer, OCI_LAYER)
    inside = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [top.digest]}}
    config = json.dumps(inside).encode()
    blobs = ((descriptor_of(config, OCI_CONFIG), config), (top, layer))
    listed = [{"mediaType": one.media_type, "digest": one.digest, "size": one.size} for one, _ in blobs]
    body = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": listed[0], "layers": listed[1:]}
    raw = json.dumps(body).encode()
    manifest = Manifest(digest=sha256_of(raw), media_type=OCI_MANIFEST, raw=raw)
    return SmallImage(manifest=manifest, blobs=blobs)
