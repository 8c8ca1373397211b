"""Links, fifos and other names: nothing leads out of a layout folder, and nothing holds the gate up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from registry.contract_images import image, push
from registry.layout_folders import STORE, at, blob_of, code_of, contents, layout

from gate.errors import (
    InputError,
    UpstreamError,
)


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
