"""What every place that holds images must do, whatever it is made of. A test module subclasses `StoreContract`."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from registry.contract_images import docker_list, image, index, push

from gate.errors import GateError, IntegrityError, NotFoundError, UsageError
from gate.model.base import sha256_of
from gate.registry.content import DOCKER_MANIFEST, OCI_MANIFEST
from gate.registry.interface import Descriptor, ImageReader, ImageWriter, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.model.image import ImageRef

    Places = Callable[[str], ImageRef]

ABSENT = "sha256:" + "0" * 64


class StoreContract:
    """The tests. A subclass gives the fixtures `store` and `place` (a repository of that name, not there yet)."""

    @pytest.fixture
    def store(self) -> ImageWriter:
        """Return the store under test."""
        raise NotImplementedError

    @pytest.fixture
    def place(self) -> Places:
        """Return what names a repository of the store that nobody has used."""
        raise NotImplementedError

    def test_is_reader_and_writer(self, store: ImageWriter) -> None:
        assert isinstance(store, ImageReader)
        assert isinstance(store, ImageWriter)

    def test_an_absent_repository_has_nothing(self, store: ImageWriter, place: Places) -> None:
        nowhere = place("nowhere")
        assert store.tags(nowhere) == ()
        assert not store.has_blob(nowhere, ABSENT)
        for ref in (nowhere.model_copy(update={"tag": "1"}), nowhere.at(ABSENT)):
            with pytest.raises(NotFoundError):
                store.resolve(ref)
            with pytest.raises(NotFoundError):
                store.manifest(ref.at(ABSENT))
        store.delete_manifest(nowhere.at(ABSENT))

    @pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
    def test_a_manifest_comes_back_byte_for_byte(self, store: ImageWriter, place: Places, media_type: str) -> None:
        sample = image("bytes", media_type=media_type)
        pinned = push(store, place("bytes"), sample, "1.0")
        assert store.resolve(place("bytes").model_copy(update={"tag": "1.0"})) == sample.digest
        assert store.resolve(pinned) == sample.digest
        assert store.manifest(pinned) == sample.manifest
        assert sha256_of(store.manifest(pinned).raw) == sample.digest

    def test_a_manifest_without_tag_is_there_by_digest_alone(self, store: ImageWriter, place: Places) -> None:
        pinned = push(store, place("untagged"), image("untagged"))
        assert store.manifest(pinned).digest == pinned.digest
        assert store.tags(pinned) == ()

    def test_a_manifest_is_read_by_digest_alone(self, store: ImageWriter, place: Places) -> None:
        pinned = push(store, place("by-digest"), image("by-digest"), "1")
        with pytest.raises(UsageError):
            store.manifest(pinned.model_copy(update={"digest": None}))

    def test_blobs_stream_whole(self, store: ImageWriter, place: Places) -> None:
        sample = image("blobs")
        pinned = push(store, place("blobs"), sample, "1")
        for descriptor, data in sample.blobs.items():
            assert store.has_blob(pinned, descriptor.digest)
            with store.blob(pinned, descriptor) as stream:
                assert stream.read() == data

    def test_an_absent_blob_is_not_found(self, store: ImageWriter, place: Places) -> None:
        pinned = push(store, place("absent-blob"), image("absent-blob"), "1")
        assert not store.has_blob(pinned, ABSENT)
        absent = Descriptor(digest=ABSENT, size=1, media_type="application/octet-stream")
        with pytest.raises(NotFoundError), store.blob(pinned, absent) as stream:
            stream.read()

    @pytest.mark.parametrize("off_by", [-1, 1])
    def test_a_blob_of_another_size_is_not_believed(self, store: ImageWriter, place: Places, off_by: int) -> None:
        sample = image("size")
        pinned = push(store, place("size"), sample, "1")
        descriptor = next(iter(sample.blobs))
        lying = descriptor.model_copy(update={"size": descriptor.size + off_by})
        with pytest.raises(IntegrityError), store.blob(pinned, lying) as stream:
            list(iter(lambda: stream.read(16), b""))

    def test_an_upload_of_other_bytes_leaves_nothing(self, store: ImageWriter, place: Places) -> None:
        there = place("upload")
        data = b"what was promised"
        descriptor = Descriptor(digest=sha256_of(data), size=len(data), media_type="application/octet-stream")
        for other in (b"what was delivered"[:17], data + b"!", data[:-1], b""):
            with pytest.raises(GateError):
                store.upload_blob(there, descriptor, BytesIO(other))
            assert not store.has_blob(there, descriptor.digest)
        store.upload_blob(there, descriptor, BytesIO(data))
        store.upload_blob(there, descriptor, BytesIO(data))
        assert store.has_blob(there, descriptor.digest)

    def test_a_large_blob_survives_the_round_trip(self, store: ImageWriter, place: Places) -> None:
        data = hashlib.shake_128(b"seed").digest(5 * 1024 * 1024 + 3)
        descriptor = Descriptor(digest=sha256_of(data), size=len(data), media_type="application/octet-stream")
        store.upload_blob(place("large"), descriptor, BytesIO(data))
        with store.blob(place("large"), descriptor) as stream:
            assert sha256_of(stream.read()) == descriptor.digest

    def test_a_blob_is_copied_inside_the_store(self, store: ImageWriter, place: Places) -> None:
        sample = image("copied")
        source, target = push(store, place("copy-from"), sample, "1"), place("copy-to")
        for descriptor, data in sample.blobs.items():
            store.copy_blob(source, target, descriptor)
            store.copy_blob(source, target, descriptor)
            with store.blob(target, descriptor) as stream:
                assert stream.read() == data
        store.put_manifest(target, sample.manifest)
        assert store.manifest(target.at(sample.digest)) == sample.manifest

    def test_copying_an_absent_blob_fails(self, store: ImageWriter, place: Places) -> None:
        source = push(store, place("copy-absent"), image("copy-absent"), "1")
        absent = Descriptor(digest=ABSENT, size=1, media_type="application/octet-stream")
        with pytest.raises(GateError):
            store.copy_blob(source, place("copy-target"), absent)
        assert not store.has_blob(place("copy-target"), ABSENT)

    def test_tags_are_listed_sorted_and_all(self, store: ImageWriter, place: Places) -> None:
        names = [f"v{number}" for number in range(40)]
        there = push(store, place("tags"), image("tags"), *names)
        push(store, place("tags"), image("other"), "other")
        assert store.tags(there) == tuple(sorted([*names, "other"]))

    def test_a_tag_moves_when_it_is_put_again(self, store: ImageWriter, place: Places) -> None:
        push(store, place("moves"), image("first"), "latest")
        second = push(store, place("moves"), image("second"), "latest")
        assert store.resolve(second.model_copy(update={"digest": None})) == second.digest
        assert store.manifest(second.at(image("first").digest)) == image("first").manifest
        assert store.tags(second) == ("latest",)

    def test_putting_twice_changes_nothing(self, store: ImageWriter, place: Places) -> None:
        pinned = push(store, place("twice"), image("twice"), "1", "1", "2")
        push(store, place("twice"), image("twice"), "1")
        assert store.tags(pinned) == ("1", "2")
        assert store.manifest(pinned) == image("twice").manifest

    def test_a_manifest_is_refused_under_a_digest_that_is_not_its_own(self, store: ImageWriter, place: Places) -> None:
        pinned = push(store, place("wrong"), image("right"), "1")
        wrong = Manifest(digest=ABSENT, media_type=OCI_MANIFEST, raw=image("right").manifest.raw)
        with pytest.raises(GateError):
            store.put_manifest(place("wrong"), wrong)
        with pytest.raises(GateError):
            store.put_manifest(pinned.at(ABSENT), image("right").manifest)
        with pytest.raises(NotFoundError):
            store.resolve(pinned.at(ABSENT))

    def test_a_manifest_whose_blobs_are_missing_is_refused(self, store: ImageWriter, place: Places) -> None:
        there = push(store, place("partial"), image("whole"), "1")
        with pytest.raises(GateError):
            store.put_manifest(there.model_copy(update={"digest": None}), image("partial").manifest)
        assert store.resolve(there.model_copy(update={"digest": None})) == image("whole").digest
        with pytest.raises(NotFoundError):
            store.resolve(there.at(image("partial").digest))

    @pytest.mark.parametrize("make", [index, docker_list])
    def test_an_index_and_its_children_are_read_by_digest(self, store: ImageWriter, place: Places, make: type) -> None:
        kind = DOCKER_MANIFEST if make is docker_list else OCI_MANIFEST
        children = (image("amd64", media_type=kind), image("arm64", media_type=kind))
        pinned = push(store, place("index"), make(*children), "multi")
        assert store.manifest(pinned) == make(*children).manifest
        for child in children:
            assert store.manifest(pinned.at(child.digest)) == child.manifest

    def test_deleting_takes_all_tags_of_the_digest_and_nothing_else(self, store: ImageWriter, place: Places) -> None:
        doomed = push(store, place("delete"), image("doomed"), "1", "2", "latest")
        kept = push(store, place("delete"), image("kept"), "3")
        elsewhere = push(store, place("delete-elsewhere"), image("doomed"), "1")
        for _ in range(2):
            store.delete_manifest(doomed)
            with pytest.raises(NotFoundError):
                store.manifest(doomed)
            with pytest.raises(NotFoundError):
                store.resolve(doomed)
            assert store.tags(doomed) == ("3",)
            with pytest.raises(NotFoundError):
                store.resolve(doomed.model_copy(update={"digest": None, "tag": "1"}))
        for survivor, sample in ((kept, image("kept")), (elsewhere, image("doomed"))):
            assert store.manifest(survivor) == sample.manifest
            assert all(store.has_blob(survivor, blob.digest) for blob in sample.blobs)

    def test_deleting_keeps_the_blobs_that_another_image_shares(self, store: ImageWriter, place: Places) -> None:
        doomed = push(store, place("shared"), image("same"), "doomed")
        twin = image("same", annotations={"twin": "yes"})
        kept = push(store, place("shared"), twin, "kept")
        store.delete_manifest(doomed)
        assert store.manifest(kept) == twin.manifest
        assert all(store.has_blob(kept, blob.digest) for blob in twin.blobs)

    def test_a_tag_is_no_name_to_delete_by(self, store: ImageWriter, place: Places) -> None:
        pinned = push(store, place("by-tag"), image("by-tag"), "1")
        with pytest.raises(GateError):
            store.delete_manifest(pinned.model_copy(update={"digest": None}))
        assert store.manifest(pinned) == image("by-tag").manifest

    def test_what_was_deleted_can_be_pushed_again(self, store: ImageWriter, place: Places) -> None:
        pinned = push(store, place("again"), image("again"), "1")
        store.delete_manifest(pinned)
        push(store, place("again"), image("again"), "1")
        assert store.manifest(pinned) == image("again").manifest
        assert store.tags(pinned) == ("1",)
