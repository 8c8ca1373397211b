"""One finding a vulnerability: aliases are closed over any number of steps, and nothing is lost or made less of."""

from __future__ import annotations

from typing import Any

import pytest
from data.osv_records import affected, record
from findings.findings_world import advisories
from hypothesis import given
from hypothesis import strategies as st

from gate.findings.advisories.grouping import UNDECIDED, closed_groups, finding, priority, severity
from gate.findings.advisories.matching import Match
from gate.model.finding import Finding, FindingSeverity

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOW = "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N"
V4 = {"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}


def v3(vector: str) -> dict[str, str]:
    return {"type": "CVSS_V3", "score": vector}


def severity_of(identifier: str = "PYSEC-2026-1", **changes: Any) -> FindingSeverity:
    return severity(advisories(record(identifier, **changes))[0])


def found(*raw: dict[str, Any], version: str = "1.0", answer: Match = Match.AFFECTED) -> Finding:
    records = advisories(*raw)
    (ids,) = closed_groups(records)
    return finding([(one, answer) for one in records], ids, component="example", version=version)


def linked(identifier: str, *aliases: str, **changes: Any) -> dict[str, Any]:
    return record(identifier, aliases=list(aliases), **changes)


def test_aliases_are_closed_over_several_steps() -> None:
    records = advisories(linked("PYSEC-1", "CVE-1"), linked("GHSA-1", "OSV-1"), linked("OSV-1", "CVE-1"))
    assert closed_groups(records) == (frozenset({"PYSEC-1", "CVE-1", "GHSA-1", "OSV-1"}),)


def test_the_link_may_come_last() -> None:
    records = advisories(linked("A-1"), linked("B-1"), linked("C-1"), linked("D-1", "A-1", "B-1", "C-1"))
    assert len(closed_groups(records)) == 1


def test_vulnerabilities_that_share_no_id_stay_apart() -> None:
    groups = closed_groups(advisories(linked("PYSEC-1", "CVE-1"), linked("PYSEC-2", "CVE-2"), linked("PYSEC-3")))
    assert sorted(map(sorted, groups)) == [["CVE-1", "PYSEC-1"], ["CVE-2", "PYSEC-2"], ["PYSEC-3"]]


def test_no_records_are_no_groups() -> None:
    assert closed_groups(()) == ()


NAMES = st.sampled_from([f"ID-{number}" for number in range(12)])


@given(st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=3)), max_size=12))
def test_groups_are_disjoint_cover_every_id_and_keep_aliases_together(links: list[tuple[str, list[str]]]) -> None:
    records = advisories(*(linked(first, *others) for first, others in links))
    groups = closed_groups(records)
    everything = [identifier for group in groups for identifier in group]
    assert sorted(everything) == sorted({one for first, others in links for one in (first, *others)})
    for first, others in links:
        assert any({first, *others} <= group for group in groups)


def test_the_first_id_is_the_one_pip_audit_would_show() -> None:
    made = found(linked("GHSA-1", "CVE-9"), linked("PYSEC-1", "CVE-9"), linked("CVE-9"))
    assert made.ids == ("PYSEC-1", "CVE-9", "GHSA-1")


def test_ids_are_ordered_malicious_first() -> None:
    assert sorted(["GHSA-1", "CVE-1", "PYSEC-1", "MAL-1"], key=priority) == ["MAL-1", "PYSEC-1", "CVE-1", "GHSA-1"]


@pytest.mark.parametrize("raw", [linked("MAL-2026-1"), linked("GHSA-1", "MAL-2026-1")])
def test_a_malicious_package_is_one_by_id_or_by_alias(raw: dict[str, Any]) -> None:
    assert found(raw).malicious
    assert not found(linked("GHSA-1", "MALLARD-1", "CVE-MAL-1")).malicious


def test_severity_is_the_highest_of_the_records_of_one_vulnerability() -> None:
    made = found(linked("PYSEC-1", "CVE-1", severity=[v3(LOW)]), linked("GHSA-1", "CVE-1", severity=[v3(CRITICAL)]))
    assert made.severity is FindingSeverity.CRITICAL
    assert found(linked("PYSEC-1", "C"), linked("GHSA-1", "C", severity=[v3(LOW)])).severity is FindingSeverity.LOW


def test_without_a_vector_severity_is_unknown_and_not_low() -> None:
    assert severity_of() is FindingSeverity.UNKNOWN
    assert severity_of(severity=[V4]) is FindingSeverity.UNKNOWN
    assert severity_of(severity=[v3("9.8")]) is FindingSeverity.UNKNOWN
    assert severity_of(severity=[{"type": "Ubuntu", "score": "low"}]) is FindingSeverity.UNKNOWN


def test_the_worst_of_several_vectors_counts_and_newer_systems_hide_none() -> None:
    assert severity_of(severity=[v3(LOW), v3(CRITICAL), V4]) is FindingSeverity.CRITICAL


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("CRITICAL", "critical"),
        ("HIGH", "high"),
        ("MODERATE", "medium"),
        ("low", "low"),
        ("NONE", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_word_of_the_github_database_counts_where_no_vector_can_be_scored(word: str, expected: str) -> None:
    assert severity_of("GHSA-1", severity=[V4], database_specific={"severity": word}).value == expected
    assert severity_of("PYSEC-1", severity=[V4], database_specific={"severity": word}) is FindingSeverity.UNKNOWN
    scored = severity_of("GHSA-1", severity=[v3(LOW)], database_specific={"severity": word})
    assert scored is FindingSeverity.LOW


def test_fixes_are_sorted_as_versions_and_lie_above_the_installed_one() -> None:
    turns = [
        {"introduced": "0"},
        {"fixed": "1.10"},
        {"introduced": "2"},
        {"fixed": "2.2"},
        {"introduced": "0"},
        {"fixed": "0.9"},
    ]
    raw = record(affected=[affected("example", *turns)])
    assert found(raw, version="1.0").fixed_in == ("1.10", "2.2")
    assert found(raw, version="2.1").fixed_in == ("2.2",)


def test_fixes_of_all_records_are_joined_and_one_version_is_named_once() -> None:
    first = linked("PYSEC-1", "C", affected=[affected("example", {"introduced": "0"}, {"fixed": "1.5"})])
    second = linked(
        "GHSA-1", "C", affected=[affected("example", {"introduced": "0"}, {"fixed": "1.5.0"}, {"fixed": "1.6"})]
    )
    assert found(first, second).fixed_in in {("1.5", "1.6"), ("1.5.0", "1.6")}


def test_a_fix_whose_spelling_has_no_order_is_told_and_stands_last() -> None:
    raw = record(affected=[affected("example", {"introduced": "0"}, {"fixed": "2019-09-12"}, {"fixed": "1.5"})])
    assert found(raw).fixed_in == ("1.5", "2019-09-12")


def test_a_finding_is_undecided_only_if_no_record_is_sure() -> None:
    assert found(record(), answer=Match.UNDECIDED).status == UNDECIDED
    assert found(record()).status == ""


def test_the_summary_is_the_first_there_is() -> None:
    assert found(linked("PYSEC-1", "C", summary=""), linked("GHSA-1", "C", summary="told")).summary == "told"
    assert found(linked("PYSEC-1", summary="")).summary == ""
