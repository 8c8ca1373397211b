"""A change is made where the text leaves one reading of it, and nowhere else."""

from __future__ import annotations

import pytest

from gate.model.fix import Fix
from gate.ways_out.edits import Lines, apply, only_conda_forge, other_channel, released, without_indexes


def lines(content: str) -> Lines:
    return Lines(file="f", content=content)


def after(content: str, fix: Fix | None) -> str | None:
    return apply(content, fix.edits) if fix else None


def test_a_line_that_is_not_there_is_empty() -> None:
    assert [lines("a\nb").at(number) for number in (-1, 0, 1, 2, 3)] == ["", "", "a", "b", ""]


@pytest.mark.parametrize(
    "text", ["- numpy", "- conda-forge::numpy", "", "::numpy"], ids=["no channel", "the right one", "nothing", "blank"]
)
def test_a_dependency_that_names_no_other_channel_is_left_alone(text: str) -> None:
    assert other_channel(lines(f"dependencies:\n{text}\n"), 2) is None


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("- pytorch::torch=2", "- conda-forge::torch=2"),
        ("- 'https://c.example/x::torch'", "- 'conda-forge::torch'"),
        ("dependencies: [a::b, c]", "dependencies: [conda-forge::b, c]"),
        ("dependencies: [x,a::b]", "dependencies: [x,conda-forge::b]"),
        ("dependencies: [a::b, c::d]", None),
    ],
)
def test_the_one_channel_of_a_line_is_changed(text: str, changed: str | None) -> None:
    assert after(f"{text}\n", other_channel(lines(f"{text}\n"), 1)) == (changed and f"{changed}\n")


@pytest.mark.parametrize(
    "content", ["name: x\n", "channels:\ndependencies:\n- numpy\n", "channels:\n# none\n", "", "dependency: x\n"]
)
def test_a_file_without_a_list_that_could_be_changed_is_left_alone(content: str) -> None:
    assert only_conda_forge(lines(content)) is None


def test_what_follows_the_channels_is_kept() -> None:
    content = "channels:\n  - defaults\n  - bioconda # why\n# a word\nname: x\n"
    assert after(content, only_conda_forge(lines(content))) == (
        "channels:\n  - conda-forge\n  - nodefaults\n# a word\nname: x\n"
    )


@pytest.mark.parametrize("numbers", [[], [2], [1, 2], [9]], ids=["none", "no option", "one of two", "no such line"])
def test_indexes_are_taken_out_only_where_each_is_a_line_of_its_own(numbers: list[int]) -> None:
    assert without_indexes(lines("-i https://x.example/s\nnumpy==1\n"), numbers) is None


@pytest.mark.parametrize("content", ["", "x\n", "a @ U, a @ U\n"], ids=["no line", "not there", "twice"])
def test_a_release_is_put_only_where_the_address_stands_once(content: str) -> None:
    assert released(lines(content), 1, "a @ U", "a==1") is None


def test_a_release_takes_the_place_of_the_address_and_of_nothing_else() -> None:
    content = "a @ U ; python_version > '3'  # ours\nb\n"
    assert after(content, released(lines(content), 1, "a @ U", "a==1")) == ("a==1 ; python_version > '3'  # ours\nb\n")


def test_a_change_of_a_text_without_a_last_line_end_is_a_diff_that_says_so() -> None:
    fix = released(lines("a @ U"), 1, "a @ U", "a==1")
    assert fix is not None
    assert fix.diff.count("\\ No newline at end of file") == 1
