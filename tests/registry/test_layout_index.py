"""What is in a layout and what is not any more: tags, children, deletions, and what other tools wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from registry.contract_images import image, index, manifest_of, plain, push
from registry.layout_folders import STORE, blob_of, contents, layout

from gate.bounds import ImageBounds
from gate.errors import (
    BoundError,
    NotFoundError,
    UsageError,
)
from gate.registry.content import OCI_INDEX, OCI_MANIFEST
from gate.registry.interface import Descriptor
from gate.registry.layout import OciLayout


def test_a_manifest_is_not_deleted_by_tag(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    with pytest.raises(UsageError):
        STORE.delete_manifest(ref)
    assert STORE.tags(ref) == ("1",)


def test_a_digest_that_is_somebodys_layer_keeps_its_bytes(tmp_path: Path) -> None:
    """A pusher may name another image's layer in `index.json`; deleting that name must not take the layer."""
    ref = layout(tmp_path)
    layer = list(image("app").blobs)[1]
    data = json.loads((tmp_path / "index.json").read_bytes())
    data["manifests"].append(plain(layer) | {"mediaType": OCI_MANIFEST})
    (tmp_path / "index.json").write_text(json.dumps(data))
    STORE.delete_manifest(ref.at(layer.digest))
    assert STORE.has_blob(ref, layer.digest)
    assert STORE.manifest(ref.at(image("app").digest)) == image("app").manifest
    with pytest.raises(NotFoundError):
        STORE.manifest(ref.at(layer.digest))


def test_a_blob_that_no_index_names_is_not_deleted(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    was = contents(tmp_path)
    for blob in image("app").blobs:
        STORE.delete_manifest(ref.at(blob.digest))
    assert contents(tmp_path) == was


def test_beside_something_unreadable_the_name_goes_and_the_bytes_stay(tmp_path: Path) -> None:
    ref = layout(tmp_path, image("app"), image("neighbour"))
    blob_of(tmp_path, image("neighbour").digest).write_bytes(b"rotten")
    STORE.delete_manifest(ref.at(image("app").digest))
    assert blob_of(tmp_path, image("app").digest).exists()
    with pytest.raises(NotFoundError):
        STORE.manifest(ref.at(image("app").digest))


def test_a_child_is_unreadable_after_its_deletion_though_its_index_stays(tmp_path: Path) -> None:
    parent = index(image("a"), image("b"))
    ref = layout(tmp_path, parent)
    STORE.delete_manifest(ref.at(image("a").digest))
    with pytest.raises(NotFoundError):
        STORE.manifest(ref.at(image("a").digest))
    assert STORE.manifest(ref.at(image("b").digest)) == image("b").manifest


def test_children_are_found_through_their_index_alone(tmp_path: Path) -> None:
    """Other tools name only the index in `index.json`."""
    parent = index(image("a"), index(image("b")))
    ref = layout(tmp_path, parent)
    data = json.loads((tmp_path / "index.json").read_bytes())
    data["manifests"] = [entry for entry in data["manifests"] if "annotations" in entry]
    (tmp_path / "index.json").write_text(json.dumps(data))
    assert STORE.manifest(ref.at(image("b").digest)) == image("b").manifest
    with pytest.raises(BoundError):
        OciLayout(bounds=ImageBounds(manifests=2)).manifest(ref.at(image("b").digest))


def test_an_index_that_is_rotten_has_no_children(tmp_path: Path) -> None:
    rotten = manifest_of({"schemaVersion": 2, "manifests": [{}]}, OCI_INDEX)
    ref = layout(tmp_path, image("app"))
    blob_of(tmp_path, rotten.digest).write_bytes(rotten.raw)
    data = json.loads((tmp_path / "index.json").read_bytes())
    data["manifests"].insert(0, plain(Descriptor(digest=rotten.digest, size=len(rotten.raw), media_type=OCI_INDEX)))
    (tmp_path / "index.json").write_text(json.dumps(data))
    assert STORE.manifest(ref.at(image("app").digest)) == image("app").manifest


def test_what_others_wrote_into_the_index_is_kept(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    data = json.loads((tmp_path / "index.json").read_bytes())
    data["annotations"] = {"org.example": "kept"}
    data["manifests"][0]["annotations"]["org.example"] = "kept too"
    data["manifests"][0]["platform"] = {"os": "linux", "architecture": "amd64"}
    (tmp_path / "index.json").write_text(json.dumps(data))
    push(STORE, ref, image("more"), "2")
    after = json.loads((tmp_path / "index.json").read_bytes())
    assert after["annotations"] == data["annotations"]
    assert after["manifests"][0] == data["manifests"][0]


def test_annotations_that_are_none_make_no_tag(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    for odd in ("text", [1], {"org.opencontainers.image.ref.name": 7}):
        data = json.loads((tmp_path / "index.json").read_bytes())
        data["manifests"][0]["annotations"] = odd
        (tmp_path / "index.json").write_text(json.dumps(data))
        assert STORE.tags(ref) == ()


def test_putting_again_does_not_touch_the_index(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    was = (tmp_path / "index.json").stat().st_ino
    push(STORE, ref, image("app"), "1")
    assert (tmp_path / "index.json").stat().st_ino == was
