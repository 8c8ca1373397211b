"""Build small real OCI images out of files, and push them into a layout folder. No container engine is needed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.registry.interface import Descriptor, ImageWriter, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"

BASE_FILES = {
    "etc/os-release": b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="a base image made for the demonstration"\n',
    "var/lib/dpkg/status": (
        b"Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4\n"
        b"Maintainer: nobody <nobody@example.invalid>\nDescription: demonstration\n\n"
    ),
}
"""What lies in the demonstration's base image: enough to be one."""


class Layer:
    """A layer: its gzip bytes, and the diff id of the tar inside. The same files give the same bytes."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Pack the files, in order of their paths, without times or owners."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for name, data in sorted(files.items()):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(data), 0o644
                archive.addfile(entry, io.BytesIO(data))
        self.diff_id = sha256_of(tar.getvalue())
        self.data = gzip.compress(tar.getvalue(), mtime=0)


def push(store: ImageWriter, folder: Path, tag: str, layers: Sequence[Layer]) -> ImageRef:
    """Write an image of these layers into a layout folder under a tag, and return it pinned to its digest."""
    target = ImageRef(transport=Transport.OCI_LAYOUT, repository=str(folder), tag=tag)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
    )
    blobs = [(_descriptor(_CONFIG, config), config)]
    blobs += [(_descriptor(_LAYER, layer.data), layer.data) for layer in layers]
    for descriptor, data in blobs:
        store.upload_blob(target, descriptor, io.BytesIO(data))
    described = [{"mediaType": part.media_type, "digest": part.digest, "size": part.size} for part, _ in blobs]
    content = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described[0], "layers": described[1:]}
    raw = _json(content)
    manifest = Manifest(digest=sha256_of(raw), media_type=_MANIFEST, raw=raw)
    store.put_manifest(target, manifest)
    return target.at(manifest.digest)


def _descriptor(media_type: str, data: bytes) -> Descriptor:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return Descriptor(digest=digest, size=len(data), media_type=media_type)


def _json(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":"), sort_keys=True).encode()
