"""Lines are found again in the order of the text, and looking for them has an end."""

from __future__ import annotations

from gate.environment.lines import Finder
from gate.environment.text import Text


def finder(*lines: str) -> Finder:
    return Finder(Text(path="x.toml", content="\n".join(lines)))


def test_each_search_goes_on_where_the_last_one_ended() -> None:
    found = finder("a = 1", "b = 1", "a = 2")
    assert [found.next("a = "), found.next("b = "), found.next("a = "), found.next("b = ")] == [1, 2, 3, 2]


def test_what_stands_nowhere_is_on_the_first_line_and_moves_nothing() -> None:
    found = finder("a", "b", "c")
    assert found.next("b") == 2
    assert (found.next("absent"), found.missed) == (1, 1)
    assert found.next("c") == 3


def test_searches_in_vain_have_an_end() -> None:
    found = finder(*(f"line {number}" for number in range(5)), "there")
    for number in range(200):
        assert found.next(f"absent {number}") == 1
    assert found.missed < 60
    assert found.next("there") == 1, "no line is looked for any more"


def test_keys_and_whole_strings_come_before_what_only_holds_them() -> None:
    found = finder('one-two = "x"', '# one = "two"', '"one" = "two-three"', 'other = "two"')
    assert found.key("one") == 3
    assert finder('a = "two-three"', "b = 'two'").string("two") == 2
    assert finder('a = "two-three"').string("two") == 1
    assert finder("x", "one-two").key("one") == 2, "the name itself, where no key is of that name"


def test_searching_begins_again_after_a_heading() -> None:
    found = finder("name = 'x'", "[one]", "name = 'y'", "[two]", "name = 'z'")
    found.after(r"^\[two\]")
    assert found.next("name") == 5
    found.after(r"^\[absent\]")
    assert found.next("name") == 1


def test_a_text_without_a_line_has_its_first_one() -> None:
    found = Finder(Text(path="x.toml", content=""))
    found.after("x")
    assert found.next("x") == 1
