"""A record is read whole or refused by name; what matching needs can't be half there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from data.osv_records import affected, record
from hypothesis import given
from hypothesis import strategies as st

from gate.data.osv import Advisory, OsvRecord, parse_record
from gate.errors import InputError


def read(raw: object) -> OsvRecord:
    return parse_record(json.dumps(raw).encode(), where="line 1")


def refusal(raw: object) -> InputError:
    with pytest.raises(InputError) as caught:
        read(raw)
    assert caught.value.error_code == "data_invalid"
    assert caught.value.facts["where"] == "line 1"
    return caught.value


def test_a_record_is_read_with_all_that_matching_needs() -> None:
    made = record(
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        database_specific={"severity": "HIGH", "cwe_ids": ["CWE-1"]},
        affected=[affected("Jw.Util", {"introduced": "0"}, {"last_affected": "2.3"}, versions=["1.0", "2.3"])],
    )
    read_back = read(made)
    (advisory,) = read_back.advisories
    assert read_back.modified == datetime(2026, 10, 1, tzinfo=UTC)
    assert advisory.name == "jw-util"
    assert advisory.listed.splitlines() == ["1", "2.3"]
    assert [event.last_affected for event in advisory.ranges[0].events] == [None, "2.3"]
    assert advisory.rating == "HIGH"
    assert advisory.severity[0].type == "CVSS_V3"
    assert not advisory.unbounded


def test_what_is_stored_reads_back_equal() -> None:
    (advisory,) = read(record(withdrawn="2026-10-02T00:00:00Z")).advisories
    (row,) = read(record(withdrawn="2026-10-02T00:00:00Z")).rows()
    assert (row.key, row.id) == ("example", "PYSEC-2026-1")
    assert Advisory.parse(row.record) == advisory


def test_one_record_on_two_packages_gives_a_row_for_each() -> None:
    rows = read(record(affected=[affected("torch"), affected("torch-cpu")])).rows()
    assert [row.key for row in rows] == ["torch", "torch-cpu"]


def test_two_spellings_of_one_package_are_one_row_with_all_ranges() -> None:
    entries = [affected("My_Tool", {"introduced": "0"}, {"fixed": "1"}), affected("my.tool", {"introduced": "3"})]
    (advisory,) = read(record(affected=entries)).advisories
    assert advisory.name == "my-tool"
    assert len(advisory.ranges) == 2


def test_an_entry_without_versions_is_not_hidden_by_a_second_one_that_has_some() -> None:
    blank = {"package": {"ecosystem": "PyPI", "name": "example"}}
    (advisory,) = read(record(affected=[affected(), blank])).advisories
    assert advisory.unbounded


@pytest.mark.parametrize("order", [1, -1])
def test_commits_alone_rule_no_release_out(order: int) -> None:
    git = affected("example", {"introduced": "0"}, {"fixed": "a1b2c3"}, kind="GIT")
    (advisory,) = read(record(affected=[git])).advisories
    assert advisory.unbounded
    assert advisory.ranges == ()
    (both,) = read(record(affected=[git, affected()][::order])).advisories
    assert both.unbounded


def test_an_empty_list_of_versions_is_no_list() -> None:
    entry: dict[str, Any] = {"package": {"ecosystem": "PyPI", "name": "example"}, "versions": [], "ranges": []}
    assert read(record(affected=[entry])).advisories[0].unbounded


def test_a_record_without_schema_version_is_of_version_one() -> None:
    assert read(record(schema_version=None)).id == "PYSEC-2026-1"


@pytest.mark.parametrize("version", ["2.0.0", "0.9", "20.1", "one", ""])
def test_a_schema_of_another_major_version_fails_and_is_not_skipped(version: str) -> None:
    error = refusal(record(schema_version=version))
    assert "PYSEC-2026-1" in error.message
    assert "schema version" in error.message


def test_a_key_of_a_later_minor_version_is_let_through() -> None:
    assert read(record(upstream=["CVE-2026-5"], schema_version="1.99.0")).id == "PYSEC-2026-1"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": None}, "without an id"),
        ({"id": ""}, "without an id"),
        ({"id": 5}, "without an id"),
        ({"modified": None}, "modified"),
        ({"modified": "2026-10-01T00:00:00"}, "modified"),
        ({"modified": "yesterday"}, "modified"),
        ({"withdrawn": "soon"}, "withdrawn"),
        ({"withdrawn": True}, "withdrawn"),
        ({"aliases": "CVE-2026-1"}, "aliases"),
        ({"aliases": [""]}, "aliases"),
        ({"severity": [{"type": "CVSS_V3"}]}, "severity"),
        ({"affected": {"package": "x"}}, "affected"),
        ({"affected": None}, "names no PyPI package"),
        ({"affected": []}, "names no PyPI package"),
        ({"affected": [affected(ecosystem="npm")]}, "names no PyPI package"),
        ({"affected": [affected(ecosystem="pypi")]}, "names no PyPI package"),
        ({"affected": [{"ranges": []}]}, "names no PyPI package"),
        ({"affected": [affected("not a name")]}, "not a Python package name"),
        ({"affected": [affected("-dash")]}, "not a Python package name"),
        ({"affected": [affected(kind="RELEASES")]}, "type"),
        ({"affected": [affected("x", {"fixed": "1.0"})]}, "introduced"),
        ({"affected": [affected("x", {"introduced": "0", "fixed": "1"})]}, "exactly one"),
        ({"affected": [affected("x", {"introduced": "0"}, {})]}, "exactly one"),
        ({"affected": [affected("x", {"introduced": "0"}, {"repaired": "1"})]}, "repaired"),
        ({"affected": [affected("x", {"introduced": "0"}, {"fixed": 1})]}, "fixed"),  # type: ignore[dict-item]
        ({"affected": [{**affected(), "versions": [1.0]}]}, "versions"),
    ],
)
def test_what_matching_relies_on_can_not_be_missing_or_of_another_shape(change: dict[str, object], named: str) -> None:
    made = {**record(), **change}
    error = refusal({key: value for key, value in made.items() if value is not None})
    assert named in error.message


def test_a_withdrawn_record_may_name_no_package() -> None:
    assert read(record(withdrawn="2026-10-02T00:00:00Z", affected=None)).rows() == ()


def test_another_ecosystem_in_the_same_record_is_no_concern_and_no_error() -> None:
    rows = read(record(affected=[affected("left-pad", ecosystem="npm"), affected("example")])).rows()
    assert [row.key for row in rows] == ["example"]


def test_the_ecosystem_may_name_its_host_after_a_colon() -> None:
    assert [row.key for row in read(record(affected=[affected(ecosystem="PyPI:https://example.org")])).rows()] == [
        "example"
    ]


@pytest.mark.parametrize("specific", [{"severity": 7}, {"severity": None}, {}])
def test_what_a_database_adds_for_itself_never_fails_a_record(specific: dict[str, object]) -> None:
    assert read(record(database_specific=specific)).advisories[0].rating == ""


def test_a_severity_of_the_package_stands_beside_that_of_the_record() -> None:
    entry = {**affected(), "severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/x"}]}
    (advisory,) = read(record(affected=[entry], severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/x"}])).advisories
    assert [item.type for item in advisory.severity] == ["CVSS_V3", "CVSS_V4"]


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b'{"id": "X-1"', b"\xff\xfe", b"[" * 100_000])
def test_bytes_that_are_no_record_are_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_record(data, where="line 7")
    assert caught.value.facts["where"] == "line 7"


def test_a_summary_is_one_line_and_cut() -> None:
    (advisory,) = read(record(summary=None, details="first\nsecond " + "x" * 5000)).advisories
    assert advisory.summary.startswith("first second x")
    assert len(advisory.summary) == 300


def test_an_instant_with_nine_digits_is_read() -> None:
    assert read(record(modified="2026-10-01T00:00:00.123456789Z")).modified.microsecond == 123456


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(key=st.sampled_from([*record(), "withdrawn", "severity", "database_specific"]), value=JSON)
def test_any_value_in_any_place_is_read_or_refused_and_nothing_else(key: str, value: object) -> None:
    try:
        made = read({**record(), key: value})
    except InputError as error:
        assert error.error_code == "data_invalid"  # noqa: PT017 - either outcome is sound
    else:
        assert made.advisories or key in {"withdrawn", "affected"}
        assert [Advisory.parse(row.record) for row in made.rows()] == list(made.advisories)
