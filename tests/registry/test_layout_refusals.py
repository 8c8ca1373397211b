"""Layouts that are missing, garbled, tampered with or in use: a clear error each, and nothing changed."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from registry.contract_images import Sample, descriptor_of, image, index, manifest_of, plain, push

from gate.bounds import ImageBounds
from gate.errors import (
    BoundError,
    BusyError,
    ConflictError,
    GateError,
    InputError,
    IntegrityError,
    NotFoundError,
    UpstreamError,
    UsageError,
)
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.registry.content import OCI_INDEX, OCI_MANIFEST
from gate.registry.interface import Descriptor
from gate.registry.layout import OciLayout
from gate.registry.layout_files import LOCK, opened_to_change

STORE = OciLayout()


def at(folder: Path | str, tag: str = "1") -> ImageRef:
    return ImageRef(transport=Transport.OCI_LAYOUT, repository=str(folder), tag=tag)


def layout(folder: Path, *samples: Sample) -> ImageRef:
    for number, sample in enumerate(samples or (image("app"),), start=1):
        push(STORE, at(folder), sample, str(number))
    return at(folder)


def blob_of(folder: Path, digest: str) -> Path:
    return folder / "blobs/sha256" / digest.removeprefix("sha256:")


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def code_of(run: object) -> str:
    assert callable(run)
    with pytest.raises(GateError) as caught:
        run()
    return caught.value.error_code


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


@pytest.mark.parametrize("name", ["index.json", "blobs", "blobs/sha256"])
def test_a_link_inside_a_layout_is_not_followed(tmp_path: Path, name: str) -> None:
    ref = layout(tmp_path / "app")
    layout(tmp_path / "elsewhere")
    victim = tmp_path / "app" / name
    victim.rename(tmp_path / "aside")
    victim.symlink_to(tmp_path / "elsewhere" / name)
    was = contents(tmp_path / "elsewhere")
    pinned = ref.at(image("app").digest)
    for run in (
        lambda: STORE.manifest(pinned),
        lambda: STORE.delete_manifest(pinned),
        lambda: push(STORE, ref, image("new"), "9"),
    ):
        assert code_of(run) == "layout_symlink"
    assert contents(tmp_path / "elsewhere") == was


def test_a_blob_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    ref = layout(tmp_path / "app")
    layer = list(image("app").blobs)[1]
    victim = blob_of(tmp_path / "app", layer.digest)
    (tmp_path / "secret").write_bytes(image("app").blobs[layer])
    victim.unlink()
    victim.symlink_to(tmp_path / "secret")
    with pytest.raises(InputError), STORE.blob(ref, layer):
        pass
    with pytest.raises(InputError):
        STORE.has_blob(ref, layer.digest)
    with pytest.raises(InputError):
        STORE.put_manifest(ref, image("app").manifest)


def test_a_folder_named_through_a_link_is_read_but_never_changed(tmp_path: Path) -> None:
    layout(tmp_path / "real/app")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "app").symlink_to(tmp_path / "real/app")
    was = contents(tmp_path / "real/app")
    for ref in (at(tmp_path / "link/app"), at(tmp_path / "app")):
        assert STORE.manifest(ref.at(image("app").digest)) == image("app").manifest
        assert code_of(lambda: STORE.delete_manifest(ref.at(image("app").digest))) == "layout_symlink"  # noqa: B023 - run at once
        assert code_of(lambda: push(STORE, ref, image("new"), "2")) == "layout_symlink"  # noqa: B023 - run at once
    assert contents(tmp_path / "real/app") == was


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/a/./b", "/a//b", "//a", "/a/", "", "/a\0b"])
def test_a_folder_with_two_spellings_is_refused(path: str) -> None:
    assert code_of(lambda: STORE.resolve(at(path))) == "layout_path"
    assert code_of(lambda: STORE.delete_manifest(at(path).at(image("app").digest))) == "layout_path"


def test_a_fifo_does_not_hold_the_gate_up(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    digest = image("app").digest
    blob_of(tmp_path, digest).unlink()
    os.mkfifo(blob_of(tmp_path, digest))
    assert code_of(lambda: STORE.manifest(ref.at(digest))) == "layout_invalid"


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app").write_text("a file")
    with pytest.raises(InputError):
        STORE.resolve(at(tmp_path / "app"))
    with pytest.raises(InputError):
        layout(tmp_path / "app")


def test_a_full_name_that_the_system_does_not_take_is_an_upstream_error(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError) as caught:
        STORE.resolve(at(tmp_path / ("x" * 300)))
    assert caught.value.error_code == "layout_failed"


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


def test_a_lock_that_is_held_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    with (tmp_path / LOCK).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError):
            OciLayout(lock_wait=0.05).delete_manifest(ref.at(image("app").digest))
    assert STORE.manifest(ref.at(image("app").digest)) == image("app").manifest


def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    (tmp_path / ".gate-0123.part").write_bytes(b"left behind")
    (tmp_path / ".gate-link.part").symlink_to(tmp_path / "index.json")
    script = (
        "import os, sys\n"
        "from gate.registry.layout_files import opened_to_change\n"
        "with opened_to_change(sys.argv[1], create=False) as folder, folder.replacing('killed') as stream:\n"
        "    stream.write(b'half'); stream.flush(); os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == 9
    assert len(list(tmp_path.glob(".gate-*.part"))) == 3
    with opened_to_change(str(tmp_path), create=False) as folder, folder.replacing("slow") as stream:
        push(STORE, ref, image("other"), "2")
        assert len(list(tmp_path.glob(".gate-*.part"))) == 2
        (tmp_path / ".gate-link.part").unlink()
        stream.write(b"whole")
    assert (tmp_path / "slow").read_bytes() == b"whole"
    assert not list(tmp_path.glob(".gate-*.part"))
    assert not (tmp_path / "killed").exists()


def _push_some(folder: str, number: int) -> None:
    for turn in range(8):
        push(OciLayout(), at(folder), image(f"{number}-{turn}"), f"{number}-{turn}")


def test_four_processes_writing_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_push_some, args=(str(tmp_path / "app"), number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    ref = at(tmp_path / "app")
    expected = {f"{number}-{turn}" for number in range(4) for turn in range(8)}
    assert set(STORE.tags(ref)) == expected
    for tag in expected:
        assert STORE.resolve(at(tmp_path / "app", tag)) == image(tag).digest


def test_a_digest_is_of_the_bytes(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    digest = STORE.resolve(ref)
    assert sha256_of(STORE.manifest(ref.at(digest)).raw) == digest


def test_an_incomplete_manifest_names_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ConflictError) as caught:
        STORE.put_manifest(at(tmp_path), image("app").manifest)
    assert caught.value.error_code == "manifest_incomplete"
