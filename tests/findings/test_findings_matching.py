"""Whether an advisory affects a version is decided as the OSV format says; what can't be decided is not unaffected."""

from __future__ import annotations

import pytest
from data.osv_records import affected, record
from findings.findings_world import advisories
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from gate.data.osv import Advisory, spelt
from gate.findings.advisories.matching import Match, match

Events = list[dict[str, str]]


def answer(version: str, events: Events, versions: list[str] | None = None, kind: str = "ECOSYSTEM") -> str:
    (advisory,) = advisories(record(affected=[affected("example", *events, versions=versions, kind=kind)]))
    return match(advisory, Version(version)).value


SINCE_ALWAYS: Events = [{"introduced": "0"}]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0", "affected"),
        ("0.dev0", "affected"),
        ("1.4.9", "affected"),
        ("1.5rc1", "affected"),
        ("1.5.dev1", "affected"),
        ("1.5", "unaffected"),
        ("1.5.0", "unaffected"),
        ("1.5.post1", "unaffected"),
        ("1!0.1", "unaffected"),
    ],
)
def test_fixed_is_the_first_good_version(version: str, expected: str) -> None:
    assert answer(version, [*SINCE_ALWAYS, {"fixed": "1.5"}]) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.3", "affected"), ("2.3.0", "affected"), ("2.3.post1", "unaffected"), ("2.2", "affected")],
)
def test_last_affected_is_the_last_bad_version(version: str, expected: str) -> None:
    assert answer(version, [*SINCE_ALWAYS, {"last_affected": "2.3"}]) == expected


def test_without_an_end_everything_since_is_affected() -> None:
    assert answer("99!9", [{"introduced": "1.0"}]) == "affected"
    assert answer("0.9", [{"introduced": "1.0"}]) == "unaffected"


@pytest.mark.parametrize("events", [[2, 0, 3, 1], [0, 1, 2, 3], [3, 2, 1, 0]])
@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.5", "affected"), ("1.0", "unaffected"), ("1.9", "unaffected"), ("2.0", "affected"), ("2.2", "unaffected")],
)
def test_the_order_in_which_turns_are_written_means_nothing(events: list[int], version: str, expected: str) -> None:
    turns: Events = [{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "2.0"}, {"fixed": "2.2"}]
    assert answer(version, [turns[place] for place in events]) == expected


def test_turns_at_one_version_err_on_the_side_of_affected() -> None:
    assert answer("1.0", [*SINCE_ALWAYS, {"fixed": "1.0"}, {"introduced": "1.0"}, {"fixed": "1.1"}]) == "affected"
    one = [{"introduced": "1.0"}, {"last_affected": "1.0"}]
    assert answer("1.0", one) == "affected"
    assert answer("1.0.1", one) == "unaffected"


@pytest.mark.parametrize(
    ("limits", "version", "expected"),
    [
        (["2.0"], "1.9", "affected"),
        (["2.0"], "2.0", "unaffected"),
        (["2.0", "3.0"], "2.5", "affected"),
        (["*"], "9.0", "affected"),
        (["2.0", "*"], "9.0", "affected"),
        (["later"], "1.0", "undecided"),
    ],
)
def test_a_limit_ends_what_a_range_speaks_of(limits: list[str], version: str, expected: str) -> None:
    assert answer(version, [*SINCE_ALWAYS, *({"limit": limit} for limit in limits)]) == expected


def test_a_listed_version_is_affected_whatever_the_ranges_say() -> None:
    events: Events = [{"introduced": "5.0"}]
    assert answer("1.0", events, ["1.0.0"]) == "affected"
    assert answer("1.0.0", events, ["1"]) == "affected"
    assert answer("1.1", events, ["1.0.0"]) == "unaffected"


def test_a_listed_legacy_spelling_stands_in_the_way_of_nothing() -> None:
    assert answer("1.0", [{"introduced": "5.0"}], ["2.0.0-final", "1.0"]) == "affected"
    assert answer("2.0", [{"introduced": "5.0"}], ["2.0.0-final"]) == "unaffected"


@pytest.mark.parametrize("version", ["1.4+cu121", "1.4+local.7"])
def test_a_local_label_is_dropped(version: str) -> None:
    assert answer(version, [*SINCE_ALWAYS, {"last_affected": "1.4"}]) == "affected"
    assert answer(version, [{"introduced": "5"}], ["1.4"]) == "affected"


@pytest.mark.parametrize("word", ["2019-09-12", "0.2.0-n653", "a1b2c3", "", "9" * 5000])
def test_a_range_whose_versions_have_no_order_decides_nothing(word: str) -> None:
    """The first two are from PYSEC-2019-125 and PYSEC-2021-371, as published."""
    assert answer("1.0", [*SINCE_ALWAYS, {"fixed": word}]) == "undecided"
    assert answer("1.0", [*SINCE_ALWAYS, {"fixed": word}], ["1.0"]) == "affected"
    assert answer("1.0", [*SINCE_ALWAYS, {"fixed": word}], ["3.0"]) == "undecided"


def test_one_decided_range_does_not_hide_an_undecided_one() -> None:
    entries = [affected("x", *SINCE_ALWAYS, {"fixed": "1.0"}), affected("x", *SINCE_ALWAYS, {"fixed": "odd version"})]
    (advisory,) = advisories(record(affected=entries))
    assert match(advisory, Version("0.5")) is Match.AFFECTED
    assert match(advisory, Version("2.0")) is Match.UNDECIDED


def test_semantic_versions_are_ordered_too() -> None:
    assert answer("1.0.0a1", [*SINCE_ALWAYS, {"fixed": "1.0.0-alpha.2"}], kind="SEMVER") == "affected"


def test_commits_alone_decide_nothing() -> None:
    assert answer("1.0", [*SINCE_ALWAYS, {"fixed": "a1b2c3"}], kind="GIT") == "undecided"
    assert answer("1.0", [*SINCE_ALWAYS], ["1.0"], kind="GIT") == "affected"
    assert answer("1.1", [*SINCE_ALWAYS], ["1.0"], kind="GIT") == "unaffected"


def test_an_entry_that_lists_nothing_decides_nothing() -> None:
    blank = {"package": {"ecosystem": "PyPI", "name": "example"}}
    (advisory,) = advisories(record(affected=[blank]))
    assert match(advisory, Version("1.0")) is Match.UNDECIDED


RELEASES = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: f"{pair[0]}.{pair[1]}")


@given(low=RELEASES, high=RELEASES, version=RELEASES, shuffled=st.booleans())
def test_an_interval_is_closed_below_and_open_above(low: str, high: str, version: str, *, shuffled: bool) -> None:
    if Version(low) >= Version(high):
        low, high = high, low
    events: Events = [{"introduced": low}, {"fixed": high}]
    inside = Version(low) <= Version(version) < Version(high) or (
        Version(low) == Version(high) and Version(version) >= Version(low)
    )
    assert answer(version, events[::-1] if shuffled else events) == ("affected" if inside else "unaffected")


SPELLINGS = st.sampled_from(
    ["1", "1.0", "1.0.0", "v1", "1.0a1", "1.0.0-alpha.1", "1a1", "1!1", "1.post0", "1-0", "1.0.dev0"]
)


@given(first=SPELLINGS, second=SPELLINGS)
def test_two_spellings_are_one_exactly_where_the_versions_are_equal(first: str, second: str) -> None:
    assert (spelt(first) == spelt(second)) == (Version(first) == Version(second))


def test_what_is_no_version_is_spelt_as_nothing_and_matches_nothing() -> None:
    assert [spelt(text) for text in ("", "latest", "1" * 257)] == ["", "", ""]
    assert answer("1.0", [{"introduced": "5.0"}], ["", "latest", "1" * 300]) == "unaffected"


def test_a_list_of_an_older_import_counts_as_one_of_today() -> None:
    old = Advisory(id="PYSEC-1", name="example", versions=("1.0.0", "latest"))
    assert [match(old, Version(text)) for text in ("1", "1.1")] == [Match.AFFECTED, Match.UNAFFECTED]
