"""Layer over layer: the file system that a container would see, and the tricks by which a layer hides things."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image.image_world import Node, World, layer, tar

from gate.bounds import ImageBounds
from gate.errors import BoundError, IntegrityError
from gate.image.files import FileSystem
from gate.image.layers import LayerContent, read_layer
from gate.image.tree import Entry, FileEntry, Folder, LinkEntry, OtherEntry, find, find_file, shown, split_path, walk
from gate.model.image import LayerFact
from gate.model.reference import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

BOUNDS = ImageBounds()


def content(
    raw: Mapping[str, Node] | bytes, index: int = 0, bounds: ImageBounds = BOUNDS, kept: int = 0
) -> LayerContent:
    packed = layer(raw)
    fact = LayerFact(
        digest=packed.descriptor.digest, diff_id=packed.diff_id, size=len(packed.packed), media_type=packed.media_type
    )
    return read_layer(io.BytesIO(packed.packed), index=index, layer=fact, bounds=bounds, kept=kept)


def merged(*layers: Mapping[str, Node] | bytes, base_layers: int = 0) -> FileSystem:
    system = FileSystem(base_layers=base_layers)
    for index, one in enumerate(layers):
        system.put(content(one, index), index=index)
    return system


def all_files(system: FileSystem) -> list[tuple[str, Entry]]:
    return [
        (f"{path}/{name}" if path else name, entry)
        for path, folder in walk(system.root)
        for name, entry in folder.entries.items()
    ]


def listing(system: FileSystem) -> dict[str, object]:
    """Return every entry that is no folder: layer and sha256 of files, layer and target of links."""
    found: dict[str, object] = {}
    for where, entry in all_files(system):
        if isinstance(entry, FileEntry):
            found[where] = (entry.layer, entry.sha256)
        elif isinstance(entry, LinkEntry):
            found[where] = (entry.layer, entry.target)
        elif isinstance(entry, OtherEntry):
            found[where] = (entry.layer, None)
    return found


def file(index: int, data: bytes) -> tuple[int, bytes]:
    return index, hashlib.sha256(data).digest()


def problems(system: FileSystem, severity: Severity = Severity.ERROR) -> list[str]:
    return [one.code for one in system.problems if one.severity is severity]


def clean(system: FileSystem) -> dict[str, object]:
    assert system.problems == []
    return listing(system)


def test_later_layers_lie_over_earlier_ones() -> None:
    system = merged({"a": b"1", "b": b"2", "d/e": b"3"}, {"b": b"new", "d/f": b"4"})
    assert clean(system) == {"a": file(0, b"1"), "b": file(1, b"new"), "d/e": file(0, b"3"), "d/f": file(1, b"4")}


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


@pytest.mark.parametrize("name", ["../evil", "a/../evil", "a/b/../../../evil", "..", "a/.."])
def test_a_path_that_climbs_is_a_problem_and_lands_nowhere(name: str) -> None:
    system = merged({"good": b"1", name: b"evil"})
    assert problems(system) == ["path_climbs"]
    assert listing(system) == {"good": file(0, b"1")}


def test_the_root_as_anything_but_a_folder_is_a_problem() -> None:
    assert problems(merged({".": "-> /etc"})) == ["path_climbs"]


def test_a_whiteout_hides_a_file_and_a_folder_of_the_layers_below() -> None:
    system = merged({"a": b"1", "d/x": b"2", "d/y/z": b"3", "keep": b"4"}, {".wh.a": b"", "d/.wh.y": b""})
    assert clean(system) == {"d/x": file(0, b"2"), "keep": file(0, b"4")}


@pytest.mark.parametrize("order", [["d/.wh.x", "d/x"], ["d/x", "d/.wh.x"]])
def test_a_whiteout_hides_nothing_of_its_own_layer_whatever_the_order(order: list[str]) -> None:
    both = {"d/.wh.x": b"", "d/x": b"new"}
    assert clean(merged({"d/x": b"old"}, {name: both[name] for name in order})) == {"d/x": file(1, b"new")}


@pytest.mark.parametrize("order", [["d/.wh..wh..opq", "d/x"], ["d/x", "d/.wh..wh..opq"]])
def test_an_opaque_folder_hides_all_of_the_layers_below_and_nothing_of_its_own(order: list[str]) -> None:
    both = {"d/.wh..wh..opq": b"", "d/x": b"new"}
    system = merged({"d/x": b"old", "d/y": b"2", "d/s/z": b"3", "e": b"4"}, {name: both[name] for name in order})
    assert clean(system) == {"d/x": file(1, b"new"), "e": file(0, b"4")}


def test_an_opaque_root_hides_everything_below() -> None:
    assert clean(merged({"a": b"1", "d/b": b"2"}, {".wh..wh..opq": b"", "c": b"3"})) == {"c": file(1, b"3")}


def test_a_whiteout_of_nothing_hides_nothing() -> None:
    assert clean(merged({"a": b"1"}, {"x/.wh.y": b"", ".wh.b": b"", "z/.wh..wh..opq": b""})) == {"a": file(0, b"1")}


def test_a_mark_below_a_file_is_a_problem() -> None:
    for mark in ("a/.wh..wh..opq", "a/.wh.b"):
        assert problems(merged({"a": b"1"}, {mark: b""})) == ["path_through_file"]


@pytest.mark.parametrize(
    "name", [".wh.", ".wh..", ".wh...", "d/.wh..wh.x", ".wh..wh..opq.x", ".wh..wh.opq", "d/.wh..wh.plnk"]
)
def test_whiteouts_of_no_known_kind_are_problems_and_hide_nothing(name: str) -> None:
    system = merged({"a": b"1", "d/x": b"2"}, {name: b""})
    assert problems(system) == ["whiteout_unknown"]
    assert listing(system) == {"a": file(0, b"1"), "d/x": file(0, b"2")}


def test_something_below_a_whiteout_is_a_problem() -> None:
    system = merged({"d/x": b"1"}, {".wh.d/y": b"2"})
    assert problems(system) == ["path_climbs"]
    assert listing(system) == {"d/x": file(0, b"1")}


def test_leftovers_of_aufs_are_told_and_passed_over() -> None:
    system = merged({".wh..wh.plnk": None, ".wh..wh.aufs": b"", "a": b"1"})
    assert problems(system) == []
    assert problems(system, Severity.WARNING) == ["aufs_leftover", "aufs_leftover"]
    assert listing(system) == {"a": file(0, b"1")}


def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round() -> None:
    system = merged({"a/b/c": b"1", "f": b"2"}, {"a": b"file", "f/": None, "f/g": b"3"})
    assert clean(system) == {"a": file(1, b"file"), "f/g": file(1, b"3")}


def test_a_file_takes_the_place_of_a_folder_in_its_own_layer_and_the_other_way_round() -> None:
    assert clean(merged({"a/b": b"1", "a": b"file", "d": b"2", "d/": None})) == {"a": file(0, b"file")}


def test_what_lies_below_a_file_is_a_problem_but_seen() -> None:
    system = merged({"a": b"1", "a/b": b"2"})
    assert problems(system) == ["path_through_file"]
    assert listing(system) == {"a/b": file(0, b"2")}


def test_a_folder_takes_the_place_of_a_link() -> None:
    system = merged({"real/x": b"1", "link": "-> real"}, {"link/": None, "link/y": b"2"})
    assert clean(system) == {"real/x": file(0, b"1"), "link/y": file(1, b"2")}
    again = merged({"real/x": b"1", "link": "-> real", "link/": None, "link/y": b"2"})
    assert clean(again) == {"real/x": file(0, b"1"), "link/y": file(0, b"2")}


def test_a_file_behind_a_link_of_its_own_layer_lands_where_the_link_leads() -> None:
    system = merged({"usr/lib/": None, "lib": "-> usr/lib", "lib/a": b"1"})
    assert clean(system) == {"lib": (0, "usr/lib"), "usr/lib/a": file(0, b"1")}


@pytest.mark.parametrize("target", ["usr/lib", "/usr/lib", "./usr/../usr/lib/", "/../usr/lib"])
def test_a_file_behind_a_link_of_a_lower_layer_lands_there_and_engines_differ(target: str) -> None:
    system = merged({"usr/lib/x": b"0", "lib": f"-> {target}"}, {"lib/a": b"1"})
    assert problems(system) == []
    assert problems(system, Severity.WARNING) == ["path_through_link"]
    assert listing(system) == {"lib": (0, target), "usr/lib/x": file(0, b"0"), "usr/lib/a": file(1, b"1")}


@pytest.mark.parametrize("target", ["nowhere", "lib", "/etc/passwd", "../../.."])
def test_a_file_behind_a_link_to_no_folder_is_a_problem_but_seen(target: str) -> None:
    for system in (
        merged({"etc/passwd": b"x", "lib": f"-> {target}"}, {"lib/a": b"1"}),
        merged({"etc/passwd": b"x", "lib": f"-> {target}", "lib/a": b"1"}),
    ):
        if target == "../../..":
            assert "a" in listing(system)
            continue
        assert problems(system) == ["path_through_link"]
        assert "lib/a" in listing(system)


def test_links_in_a_circle_end() -> None:
    system = merged({"a": "-> b", "b": "-> a", "c": "-> c/c"})
    assert find(system.root, "a") is None
    assert find(system.root, "c/x") is None
    assert find(system.root, "a", follow_last=False) is not None


def test_a_whiteout_through_a_link_is_a_problem_and_hides_nothing() -> None:
    system = merged({"usr/lib/x": b"1", "lib": "-> usr/lib"}, {"lib/.wh.x": b""})
    assert "whiteout_through_link" in problems(system)
    assert listing(system)["usr/lib/x"] == file(0, b"1")


def test_an_opaque_mark_through_a_link_is_a_problem_and_hides_nothing() -> None:
    system = merged({"usr/lib/x": b"1", "lib": "-> usr/lib"}, {"lib/.wh..wh..opq": b""})
    assert "whiteout_through_link" in problems(system)
    assert listing(system)["usr/lib/x"] == file(0, b"1")


def test_a_link_is_hidden_itself_and_not_what_it_leads_to() -> None:
    assert clean(merged({"real/x": b"1", "link": "-> real"}, {".wh.link": b""})) == {"real/x": file(0, b"1")}


def test_a_hard_link_is_the_file_it_links_to() -> None:
    system = merged({"a": b"1", "d/b": "= a", "d/c": "= ./d/b", "e": "= /a"})
    assert set(clean(system).values()) == {file(0, b"1")}


def test_a_hard_link_keeps_the_file_that_was_there_when_it_was_made() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data, link in (("a", b"old", ""), ("b", b"", "a"), ("a", b"newer", "")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if link:
                info.type, info.linkname = tarfile.LNKTYPE, link
            archive.addfile(info, io.BytesIO(data))
    assert clean(merged(buffer.getvalue())) == {"a": file(0, b"newer"), "b": file(0, b"old")}


def test_a_hard_link_to_a_lower_layer_is_that_file_in_the_upper_layer() -> None:
    system = merged({"a": b"1"}, {"b": "= a", "c": "= b"})
    assert clean(system) == {"a": file(0, b"1"), "b": file(1, b"1"), "c": file(1, b"1")}


@pytest.mark.parametrize("target", ["nothing", "folder", "link"])
def test_a_hard_link_to_no_file_is_a_problem(target: str) -> None:
    system = merged({"folder/x": b"", "link": "-> folder/x"}, {"b": f"= {target}"})
    assert problems(system) == ["hard_link_without_target"]


def test_a_hard_link_that_was_replaced_is_no_link_any_more() -> None:
    system = merged({"z": b"1"}, {"b": "= nothing", "b/c": b"2"})
    assert "hard_link_without_target" not in problems(system)


@pytest.mark.parametrize("target", ["../a", "x/../../a", ""])
def test_a_hard_link_out_of_the_image_is_a_problem(target: str) -> None:
    system = merged({"a": b"1", "b": f"= {target}"})
    assert problems(system) == ["path_climbs"]
    assert listing(system) == {"a": file(0, b"1")}


def test_a_hard_link_to_a_link_is_that_link() -> None:
    assert clean(merged({"a": "-> x", "b": "= a"})) == {"a": (0, "x"), "b": (0, "x")}


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


def test_look_ups_through_what_is_no_folder_find_nothing() -> None:
    root = merged({"a": b"1", "d/b": b"2", "l": "-> d"}).root
    assert find(root, "a/b") is None
    assert find(root, "d/../a") is not None
    assert find(root, "../../a") is not None
    assert find_file(root, "d") is None
    assert find(root, "l", follow_last=False) == ("l", LinkEntry(0, "d"))
    assert find_file(root, "l/b") is not None
    assert split_path("a/../b") is None


NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
LAYERS = st.lists(
    st.dictionaries(
        PATHS, st.one_of(st.binary(min_size=1, max_size=3), st.sampled_from(["hide", "empty"])), max_size=6
    ),
    max_size=5,
)


@given(LAYERS)
def test_merging_agrees_with_a_simple_model(layers: list[dict[str, bytes | str]]) -> None:
    """The model: a mapping of paths to bytes; hiding first, then what is put, deeper paths win over files above."""
    model: dict[str, bytes] = {}
    written: list[dict[str, Node]] = []
    for one in layers:
        files: dict[str, Node] = {path: data for path, data in one.items() if isinstance(data, bytes)}
        files = {path: data for path, data in files.items() if not any(other.startswith(f"{path}/") for other in files)}
        nodes: dict[str, Node] = {}
        for path, word in one.items():
            head, _, name = path.rpartition("/")
            if word == "hide":
                nodes[f"{head}/.wh.{name}".lstrip("/")] = b""
                model = {key: data for key, data in model.items() if key != path and not key.startswith(f"{path}/")}
            elif word == "empty":
                nodes[f"{path}/.wh..wh..opq"] = b""
                model = {key: data for key, data in model.items() if not key.startswith(f"{path}/")}
        if any(mark.rpartition("/")[0] == path or mark.startswith(f"{path}/") for path in files for mark in nodes):
            return  # a mark below a file of the same layer: no tool writes that
        written.append(nodes | files)
        for mark in nodes:
            folder = mark.rpartition("/")[0]
            parents = (
                {"/".join(folder.split("/")[: depth + 1]) for depth in range(folder.count("/") + 1)}
                if folder
                else set()
            )
            model = {key: data for key, data in model.items() if key not in parents}
        for path, data in files.items():
            ancestors = {"/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)}
            model = {key: old for key, old in model.items() if key not in ancestors and not key.startswith(f"{path}/")}
            model[path] = data if isinstance(data, bytes) else b""
    system = merged(*written)
    found = {path: entry.sha256 for path, entry in all_files(system) if isinstance(entry, FileEntry)}
    assert found == {path: hashlib.sha256(data).digest() for path, data in model.items()}


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


def test_a_look_up_through_endless_links_ends() -> None:
    long = "d/../" * 600
    nodes: dict[str, Node] = {"d/": None, "l39": b"end"}
    nodes |= {f"l{number}": f"-> {long}l{number + 1}" for number in range(39)}
    assert find(merged(nodes).root, "l0") is None
    assert find(merged(nodes).root, "l38") is not None


def test_problems_of_merging_are_counted_and_not_all_listed() -> None:
    lower = {f"f{number}": b"1" for number in range(150)}
    system = merged(lower, {f"f{number}/x": b"2" for number in range(150)})
    assert problems(system) == ["path_through_file"] * 100 + ["more_problems"]
