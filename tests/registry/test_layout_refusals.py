"""Layouts that are missing, garbled or damaged: a clear error each, and nothing changed."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from registry.contract_images import descriptor_of, image, push
from registry.layout_folders import STORE, at, blob_of, code_of, contents, layout

from gate.bounds import ImageBounds
from gate.errors import (
    BoundError,
    InputError,
    IntegrityError,
    NotFoundError,
    UpstreamError,
)
from gate.registry.layout import OciLayout


def test_an_absent_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        STORE.resolve(at(tmp_path / "none"))
    assert caught.value.error_code == "layout_absent"
    assert caught.value.hint
    assert not (tmp_path / "none").exists()


def test_an_empty_folder_is_not_found_and_can_become_a_layout(tmp_path: Path) -> None:
    assert code_of(lambda: STORE.resolve(at(tmp_path))) == "layout_absent"
    assert STORE.tags(at(tmp_path)) == ()
    layout(tmp_path)
    assert STORE.tags(at(tmp_path)) == ("1",)


def test_a_folder_with_other_things_is_not_made_a_layout(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for run in (
        lambda: layout(tmp_path),
        lambda: STORE.tags(at(tmp_path)),
        lambda: STORE.resolve(at(tmp_path)),
        lambda: STORE.has_blob(at(tmp_path), image("app").digest),
        lambda: STORE.delete_manifest(at(tmp_path).at(image("app").digest)),
    ):
        assert code_of(run) in {"layout_invalid", "layout_absent"}
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


@pytest.mark.parametrize("missing", ["oci-layout", "index.json"])
def test_half_a_layout_is_refused_by_every_reader(tmp_path: Path, missing: str) -> None:
    ref = layout(tmp_path)
    (tmp_path / missing).unlink()
    assert code_of(lambda: STORE.resolve(ref)) == "layout_invalid"
    assert code_of(lambda: STORE.tags(ref)) == "layout_invalid"


def test_a_layout_that_lost_its_index_is_not_given_an_empty_one(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    (tmp_path / "index.json").unlink()
    assert code_of(lambda: push(STORE, ref, image("new"), "2")) == "layout_invalid"
    assert not (tmp_path / "index.json").exists()


def test_a_layout_whose_making_was_cut_off_is_finished(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    (tmp_path / "oci-layout").unlink()
    push(STORE, ref, image("new"), "2")
    assert STORE.tags(ref) == ("1", "2")


@pytest.mark.parametrize(
    "garbled",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"schemaVersion": 2}',
        b'{"schemaVersion": 1, "manifests": []}',
        b'{"schemaVersion": 2, "manifests": {}}',
        b'{"schemaVersion": 2, "manifests": [1]}',
        b'{"schemaVersion": 2, "manifests": [], "manifests": []}',
        b'{"schemaVersion": 2, "manifests": [], "Manifests": []}',
        b'{"schemaVersion": 2, "manifests": [{"digest": "sha256:../../etc/passwd", "size": 1, "mediaType": "x"}]}',
    ],
)
def test_a_garbled_index_is_refused_and_left_alone(tmp_path: Path, garbled: bytes) -> None:
    ref = layout(tmp_path)
    (tmp_path / "index.json").write_bytes(garbled)
    was = contents(tmp_path)
    for run in (
        lambda: STORE.resolve(ref),
        lambda: STORE.tags(ref),
        lambda: STORE.manifest(ref.at(image("app").digest)),
        lambda: STORE.delete_manifest(ref.at(image("app").digest)),
        lambda: push(STORE, ref, image("more"), "2"),
    ):
        with pytest.raises(InputError):
            run()
    assert contents(tmp_path) == was


def test_an_index_that_never_ends_is_refused(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    with (tmp_path / "index.json").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(BoundError):
        STORE.resolve(ref)


def test_a_manifest_larger_than_the_bound_is_refused_both_ways(tmp_path: Path) -> None:
    tight = OciLayout(bounds=ImageBounds(manifest_bytes=1000))
    large = image("large", annotations={"padding": "x" * 1000})
    ref = layout(tmp_path, large)
    with pytest.raises(BoundError):
        tight.manifest(ref.at(large.digest))
    push(STORE, at(tmp_path / "other"), image("small"), "1")
    for descriptor, data in large.blobs.items():
        tight.upload_blob(at(tmp_path / "other"), descriptor, BytesIO(data))
    with pytest.raises(BoundError):
        tight.put_manifest(at(tmp_path / "other"), large.manifest)


def test_a_tag_on_two_manifests_is_not_resolved(tmp_path: Path) -> None:
    ref = layout(tmp_path, image("a"), image("b"))
    index_file = tmp_path / "index.json"
    index_file.write_text(index_file.read_text().replace('"2"', '"1"'))
    assert code_of(lambda: STORE.resolve(ref)) == "tag_ambiguous"


def test_a_tag_that_is_absent_is_not_found(tmp_path: Path) -> None:
    layout(tmp_path)
    assert code_of(lambda: STORE.resolve(at(tmp_path, "2"))) == "tag_absent"
    assert code_of(lambda: STORE.resolve(at(tmp_path, ""))) == "reference_incomplete"


@pytest.mark.parametrize("rotten", [b"", b"other", image("other").manifest.raw])
def test_a_manifest_with_other_bytes_is_not_believed(tmp_path: Path, rotten: bytes) -> None:
    ref = layout(tmp_path)
    blob_of(tmp_path, image("app").digest).write_bytes(rotten)
    with pytest.raises(IntegrityError):
        STORE.manifest(ref.at(image("app").digest))
    with pytest.raises(IntegrityError):
        STORE.resolve(ref.at(image("app").digest))


def test_a_manifest_that_the_index_names_and_nobody_kept_is_not_found(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    blob_of(tmp_path, image("app").digest).unlink()
    assert code_of(lambda: STORE.manifest(ref.at(image("app").digest))) == "manifest_absent"


def test_a_blob_is_no_manifest_because_it_has_a_digest(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    config = next(iter(image("app").blobs))
    assert code_of(lambda: STORE.manifest(ref.at(config.digest))) == "manifest_absent"


def test_a_rotten_blob_is_not_there(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    layer = list(image("app").blobs)[1]
    data = image("app").blobs[layer]
    blob_of(tmp_path, layer.digest).write_bytes(data[:-1] + b"!")
    assert not STORE.has_blob(ref, layer.digest)
    with pytest.raises(IntegrityError), STORE.blob(ref, layer) as stream:
        stream.read()
    STORE.upload_blob(ref, layer, BytesIO(data))
    assert STORE.has_blob(ref, layer.digest)


def test_a_reader_of_exactly_the_stated_size_meets_the_check(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    layer = list(image("app").blobs)[1]
    blob_of(tmp_path, layer.digest).write_bytes(b"!" * layer.size)
    with STORE.blob(ref, layer) as stream, pytest.raises(IntegrityError):
        stream.read(layer.size)


def test_an_upload_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            del size
            message = "the connection was cut"
            raise UpstreamError(message)

    data = b"x" * 100
    with pytest.raises(UpstreamError):
        STORE.upload_blob(at(tmp_path), descriptor_of(data, "x/y"), Broken())
    assert not list(tmp_path.rglob("*.part"))
    assert not list((tmp_path / "blobs/sha256").iterdir())
