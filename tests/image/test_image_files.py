"""Layer over layer: the file system that a container would see, and the tricks by which a layer hides things."""

from __future__ import annotations

import pytest
from image.image_layers import clean, file, listing, merged, problems

from gate.model.reference import Severity


def test_later_layers_lie_over_earlier_ones() -> None:
    system = merged({"a": b"1", "b": b"2", "d/e": b"3"}, {"b": b"new", "d/f": b"4"})
    assert clean(system) == {"a": file(0, b"1"), "b": file(1, b"new"), "d/e": file(0, b"3"), "d/f": file(1, b"4")}


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
