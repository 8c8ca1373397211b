"""One layer: read within bounds, and what it must not say."""

from __future__ import annotations

import io
import random
import tarfile
from dataclasses import replace

import pytest
from image.image_layers import BOUNDS, clean, content, file, merged, problems
from image.image_world import Node, World, layer, tar

from gate.errors import BoundError, IntegrityError
from gate.image.layers import read_layer
from gate.image.tree import Folder, find, shown
from gate.model.image import LayerFact


def test_the_last_of_two_entries_with_one_name_counts() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for data in (b"first", b"second"):
            info = tarfile.TarInfo("a")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert clean(merged(buffer.getvalue())) == {"a": file(0, b"second")}


def test_names_with_dots_and_slashes_are_one_place() -> None:
    system = merged({"./a": b"1", "/b": b"2", "c//./d": b"3", "./": None, "./e/": None})
    assert clean(system) == {"a": file(0, b"1"), "b": file(0, b"2"), "c/d": file(0, b"3")}
    assert find(system.root, "e") is not None


def test_names_that_are_no_utf8_are_kept_apart_and_shown_escaped() -> None:
    odd = [b"a\xff".decode("utf-8", "surrogateescape"), b"a\xfe".decode("utf-8", "surrogateescape")]
    system = merged(dict.fromkeys(odd, b"1"))
    assert len(clean(system)) == 2
    assert shown("a\udcff\n\x1b[31m") == "a\\xff\\n\\x1b[31m"
    shown("a\udcff").encode("utf-8")


def test_a_mark_of_the_overlay_driver_is_a_problem() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("usr")
        info.type = tarfile.DIRTYPE
        info.pax_headers = {"SCHILY.xattr.trusted.overlay.opaque": "y"}
        archive.addfile(info)
        device = tarfile.TarInfo("usr/x")
        device.type = tarfile.CHRTYPE
        archive.addfile(device)
    system = merged({"usr/x": b"1"}, buffer.getvalue())
    assert problems(system) == ["overlay_marker", "overlay_marker"]


def test_what_follows_the_end_of_an_archive_is_a_problem() -> None:
    assert problems(merged(tar({"a": b"1"}) + b"x" * 512)) == ["layer_data_after_end"]


def test_a_million_problems_are_counted_and_not_listed() -> None:
    system = merged({f"../{number}": b"" for number in range(150)})
    assert problems(system) == ["path_climbs"] * 100 + ["more_problems"]
    assert "50 more" in system.problems[-1].message


def test_a_large_layer_is_read_by_two_threads_with_the_same_result() -> None:
    noise = random.Random(7)  # noqa: S311 - bytes that do not pack
    files: dict[str, Node] = {f"d{number % 7}/f{number}": noise.randbytes(3000) for number in range(300)}
    packed = layer(files)
    assert len(packed.packed) > 256 * 1024
    found = clean(merged(files))
    assert found == {name: file(0, data) for name, data in files.items() if isinstance(data, bytes)}


def test_a_large_layer_with_a_wrong_diff_id_is_refused_at_its_end() -> None:
    packed = layer({"f": random.Random(7).randbytes(600_000)})  # noqa: S311 - bytes that do not pack
    fact = LayerFact(
        digest=packed.descriptor.digest,
        diff_id="sha256:" + "0" * 64,
        size=len(packed.packed),
        media_type=packed.media_type,
    )
    with pytest.raises(IntegrityError) as caught:
        read_layer(io.BytesIO(packed.packed), index=0, layer=fact, bounds=BOUNDS)
    assert caught.value.error_code == "diff_id_mismatch"


def test_metadata_beyond_its_bounds_stops_the_reading() -> None:
    path = "lib/a-1.dist-info/METADATA"
    for bounds, bound in (
        (replace(BOUNDS, metadata_bytes=99), "metadata_bytes"),
        (replace(BOUNDS, kept_bytes=99), "kept_bytes"),
    ):
        with pytest.raises(BoundError) as caught:
            content({path: b"x" * 100}, bounds=bounds)
        assert caught.value.facts["bound"] == bound
    with pytest.raises(BoundError):
        content({path: b"x" * 50}, bounds=replace(BOUNDS, kept_bytes=99), kept=50)


def test_a_file_that_is_only_named_like_metadata_does_not_stop_the_reading() -> None:
    found = content({"data/METADATA": b"x" * 100}, bounds=replace(BOUNDS, metadata_bytes=99))
    assert found.kept == {}


def test_equal_metadata_is_kept_once() -> None:
    found = content(
        {"a.dist-info/WHEEL": b"same" * 20, "b.dist-info/WHEEL": b"same" * 20}, bounds=replace(BOUNDS, kept_bytes=160)
    )
    assert len(found.kept) == 1


def test_only_what_is_asked_for_is_opened() -> None:
    world = World()
    digest = world.image(layer({"a": b"1"}), layer({"b": b"2"}))
    found, _ = world.read(digest)
    assert len(world.opened) == 3
    assert world.closed == 3
    assert found.files == 2


def test_folders_are_not_files() -> None:
    assert isinstance(merged({"a/": None}).root.entries["a"], Folder)


def test_a_path_of_too_many_parts_stops_the_reading() -> None:
    content({"/".join("d" * 200) + "/f": b""})
    with pytest.raises(BoundError) as caught:
        content({"/".join("d" * 300) + "/f": b""})
    assert caught.value.facts["bound"] == "depth"


def test_folders_that_a_name_asks_for_count_as_entries() -> None:
    with pytest.raises(BoundError) as caught:
        content({"a/b/c/d": b"", "e/f/g": b""}, bounds=replace(BOUNDS, files=6))
    assert caught.value.facts["bound"] == "files"
    assert content({"a/b/c/d": b"", "e/f/g": b""}, bounds=replace(BOUNDS, files=7)).entries == 7


def test_problems_of_merging_are_counted_and_not_all_listed() -> None:
    lower = {f"f{number}": b"1" for number in range(150)}
    system = merged(lower, {f"f{number}/x": b"2" for number in range(150)})
    assert problems(system) == ["path_through_file"] * 100 + ["more_problems"]
