"""Indexes of small real images in a layout folder, with BuildKit's attestation beside them, and a world over it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from evaluation.worlds import sources
from servers.images import descriptor_of

from gate.bounds import ImageBounds, StorageBounds
from gate.demo.images import Layer
from gate.exceptions.storage import FolderStorage
from gate.image.index import STATEMENT
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.notify import AppriseNotifier
from gate.policy.schema import BaseImage, Policy, Promotion
from gate.policy.source import load_policy
from gate.registry.content import OCI_INDEX, OCI_MANIFEST
from gate.registry.interface import Manifest
from gate.registry.layout import OciLayout
from gate.world import RealWorld

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from gate.model.finding import SourceReport
    from gate.model.image import Inventory
    from gate.registry.interface import ImageWriter

BASE = "mcr.microsoft.com/azureml/base:1"
LAYER, CONFIG = "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.config.v1+json"


def base_layer(architecture: str) -> Layer:
    """Return the layer of a small Debian base for a platform."""
    status = (
        f"Package: base-files\nStatus: install ok installed\nArchitecture: {architecture}\nVersion: 12.4\n"
        "Maintainer: nobody <nobody@example.invalid>\nDescription: x\n\n"
    )
    release = f'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="{architecture}"\n'
    return Layer({"etc/os-release": release.encode(), "var/lib/dpkg/status": status.encode()})


def put(store: ImageWriter, target: ImageRef, document: Mapping[str, Any]) -> dict[str, Any]:
    """Write a manifest or index and return its descriptor, as an index lists it."""
    raw = json.dumps(document).encode()
    media_type = str(document["mediaType"])
    store.put_manifest(target, Manifest(digest=sha256_of(raw), media_type=media_type, raw=raw))
    return {"mediaType": media_type, "digest": sha256_of(raw), "size": len(raw)}


def blob(store: ImageWriter, target: ImageRef, data: bytes, media_type: str) -> dict[str, Any]:
    """Write a blob and return its descriptor."""
    descriptor = descriptor_of(data, media_type)
    store.upload_blob(target, descriptor, io.BytesIO(data))
    return {"mediaType": media_type, "digest": descriptor.digest, "size": descriptor.size}


def image(store: ImageWriter, target: ImageRef, architecture: str, layers: Sequence[Layer]) -> dict[str, Any]:
    """Write an image without a tag and return its entry in an index."""
    diff_ids = [layer.diff_id for layer in layers]
    config = {"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": blob(store, target, json.dumps(config).encode(), CONFIG),
        "layers": [blob(store, target, layer.data, LAYER) for layer in layers],
    }
    platform = {"os": "linux", "architecture": architecture}
    return put(store, target.model_copy(update={"tag": ""}), body) | {"platform": platform}


def attestation(store: ImageWriter, target: ImageRef, about: str) -> dict[str, Any]:
    """Write what BuildKit leaves beside an image and return its entry in an index."""
    statement = blob(store, target, b'{"_type":"https://in-toto.io/Statement/v0.1"}', STATEMENT)
    config = blob(store, target, b'{"architecture":"unknown","os":"unknown","config":{}}', CONFIG)
    body = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [statement]}
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about}
    entry = put(store, target.model_copy(update={"tag": ""}), body)
    return entry | {"platform": {"os": "unknown", "architecture": "unknown"}, "annotations": marks}


def push_index(folder: Path, tag: str, above: Mapping[str, Sequence[Layer]]) -> ImageRef:
    """Push an index of an image a platform, each on its base, with an attestation about the first."""
    return push_index_to(OciLayout(), ImageRef(transport=Transport.OCI_LAYOUT, repository=str(folder), tag=tag), above)


def push_index_to(store: ImageWriter, target: ImageRef, above: Mapping[str, Sequence[Layer]]) -> ImageRef:
    """Push the same to any store."""
    entries = [image(store, target, name, [base_layer(name), *layers]) for name, layers in above.items()]
    entries.append(attestation(store, target, entries[0]["digest"]))
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return target.at(put(store, target, document)["digest"])


def policy_over(folder: Path) -> Policy:
    """Return the defaults with both bases listed and a layout folder as staging."""
    known = load_policy()
    bases = tuple(BaseImage(reference=BASE, diff_ids=(base_layer(name).diff_id,)) for name in ("amd64", "arm64"))
    place = Promotion(staging=f"oci:{folder / 'staging'}", release=f"oci:{folder / 'release'}")
    defender = known.decision.findings.defender.model_copy(update={"allow_recorded": True})
    findings = known.decision.findings.model_copy(update={"defender": defender})
    return known.model_copy(
        update={
            "safelist": known.safelist.model_copy(update={"base_images": bases}),
            "decision": known.decision.model_copy(update={"findings": findings, "promotion": (place,)}),
        }
    )


class Clean:
    """A source that finds nothing in any image but those that it is told not to have seen."""

    def __init__(self, name: str, unseen: Sequence[str] = ()) -> None:
        self.name = name
        self._unseen = unseen

    def report(self, inventory: Inventory, *, now: datetime) -> SourceReport:
        digest = inventory.image.digest
        subject = sha256_of(b"another") if digest in self._unseen else digest
        found = {one.source: one for one in sources(subject, now)}[self.name]
        return found.model_copy(update={"audited": 0})


def world_over(folder: Path, unseen: Sequence[str] = (), **collaborators: Any) -> RealWorld:
    """Return the real world over layout folders, without an index, with sources that find nothing."""
    return RealWorld(
        stores={Transport.OCI_LAYOUT: OciLayout()},
        index=lambda _: None,
        sources=lambda _: (Clean("defender", unseen), Clean("advisories", unseen)),
        storage=FolderStorage(folder / "storage", StorageBounds()),
        notifier=AppriseNotifier(()),
        bounds=ImageBounds(),
        **collaborators,
    )
