"""Links in layers: followed as a container would follow them, and never a way to hide."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image.image_layers import all_files, clean, file, listing, merged, problems
from image.image_world import Node

from gate.image.tree import FileEntry, LinkEntry, find, find_file, split_path
from gate.model.reference import Severity


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


def test_a_look_up_through_endless_links_ends() -> None:
    long = "d/../" * 600
    nodes: dict[str, Node] = {"d/": None, "l39": b"end"}
    nodes |= {f"l{number}": f"-> {long}l{number + 1}" for number in range(39)}
    assert find(merged(nodes).root, "l0") is None
    assert find(merged(nodes).root, "l38") is not None
