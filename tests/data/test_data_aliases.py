"""Ids of one vulnerability are found over any number of records, and what is withdrawn ties nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from data.osv_records import Record, affected, lines, record
from hypothesis import given
from hypothesis import strategies as st

from gate.bounds import DataBounds
from gate.data.aliases import closed
from gate.data.importer import read_osv
from gate.data.osv import Advisory

if TYPE_CHECKING:
    from gate.data.interface import DataRow

WITHDRAWN = datetime(2026, 10, 2, tzinfo=UTC).isoformat()


def rows(*records: Record) -> tuple[DataRow, ...]:
    return read_osv(lines(*records), DataBounds()).rows


def ties(*records: Record) -> dict[str, tuple[str, ...]]:
    return {row.id: Advisory.parse(row.record).tied for row in rows(*records)}


def about(name: str) -> list[Record]:
    return [affected(name)]


def test_a_record_about_another_package_ties_ids_three_steps_far() -> None:
    made = ties(
        record("PYSEC-1", aliases=["GHSA-1"]),
        record("GHSA-1", aliases=["OSV-5"], affected=about("other")),
        record("OSV-5", aliases=["CVE-2026-7"], affected=about("third")),
        record("PYSEC-2", aliases=["CVE-2026-8"]),
    )
    assert made["PYSEC-1"] == ("CVE-2026-7", "OSV-5")
    assert made["GHSA-1"] == ("CVE-2026-7", "PYSEC-1")
    assert made["PYSEC-2"] == ()


def test_a_circle_of_aliases_comes_to_an_end() -> None:
    made = ties(
        record("A-1", aliases=["B-1"]),
        record("B-1", aliases=["C-1"], affected=about("other")),
        record("C-1", aliases=["A-1"], affected=about("third")),
    )
    assert made == {"A-1": ("C-1",), "B-1": ("A-1",), "C-1": ("B-1",)}


def test_what_is_ever_withdrawn_ties_nothing_and_is_tied_to_nothing() -> None:
    made = ties(
        record("PYSEC-1", aliases=["CVE-1"]),
        record("GHSA-1", aliases=["CVE-1", "CVE-2"], affected=about("other"), withdrawn=WITHDRAWN),
        record("PYSEC-2", aliases=["CVE-2"], affected=about("third")),
    )
    assert made == {"PYSEC-1": (), "GHSA-1": (), "PYSEC-2": ()}


def test_what_a_live_record_says_of_a_withdrawn_one_counts_and_not_the_other_way_round() -> None:
    made = ties(
        record("PYSEC-1", aliases=["CVE-1", "GHSA-1"]),
        record("GHSA-1", aliases=["CVE-2"], affected=about("other"), withdrawn=WITHDRAWN),
    )
    assert made == {"PYSEC-1": (), "GHSA-1": ("CVE-1", "PYSEC-1")}


def test_what_nobody_ties_is_kept_byte_for_byte_as_before() -> None:
    (row,) = rows(record("PYSEC-1", aliases=["CVE-1", "PYSEC-1", "CVE-1"]))
    assert "tied" not in row.record
    (bare,) = rows(record("PYSEC-1", aliases=None))
    assert "tied" not in bare.record


LINKS = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4), max_size=8)


@given(links=LINKS)
def test_groups_are_the_same_whoever_comes_first_and_keep_every_link_together(links: list[list[str]]) -> None:
    groups = closed(links)
    assert groups == closed(list(reversed(links)))
    assert set(groups) == {identifier for link in links for identifier in link}
    for link in links:
        assert {groups[identifier] for identifier in link} == {groups[link[0]]}
    for identifier, group in groups.items():
        assert identifier in group
        assert all(groups[other] == group for other in group)


def test_a_long_chain_is_one_group() -> None:
    groups = closed((str(number), str(number + 1)) for number in range(5000))
    assert len(groups["0"]) == 5001


def test_no_links_are_no_groups() -> None:
    assert closed([]) == {}
