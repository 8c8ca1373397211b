"""The catalogue of known exploited vulnerabilities and the map of conda names, read whole or refused."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gate.bounds import DataBounds
from gate.data.conda_names import names_of, read_conda_names
from gate.data.exploited import ExploitedFact, read_exploited
from gate.errors import BoundError, InputError

BOUNDS = DataBounds()


def catalogue(*cves: str, **changes: object) -> bytes:
    """Return a catalogue in the shape that CISA publishes, with made-up entries."""
    entries = [{"cveID": cve, "dateAdded": "2026-01-02", "product": "x"} for cve in cves]
    made = {"title": "x", "dateReleased": "2026-01-03T17:04:19.9796Z", "count": len(cves), "vulnerabilities": entries}
    return json.dumps({**made, **changes}).encode()


def test_a_catalogue_is_read_with_its_own_date() -> None:
    read = read_exploited(gzip.compress(catalogue("CVE-2026-0001", "CVE-2026-12345")), BOUNDS)
    assert read.published_at == datetime(2026, 1, 3, 17, 4, 19, 979600, tzinfo=UTC)
    assert [row.key for row in read.rows] == ["CVE-2026-0001", "CVE-2026-12345"]
    assert ExploitedFact.parse(read.rows[0].record).added.isoformat() == "2026-01-02"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        catalogue(),
        catalogue("CVE-2026-0001", count=2),
        catalogue("CVE-2026-0001", "CVE-2026-0001"),
        catalogue("GHSA-1"),
        catalogue("CVE-2026-0001", dateReleased=None),
        catalogue("CVE-2026-0001", dateReleased="2026-01-03"),
        catalogue("CVE-2026-0001", vulnerabilities=[{"cveID": "CVE-2026-0001"}]),
        catalogue("CVE-2026-0001")[:-9],
    ],
)
def test_what_is_no_whole_catalogue_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_exploited(data, BOUNDS)
    assert caught.value.error_code == "data_invalid"


def test_the_map_keeps_names_without_a_counterpart() -> None:
    read = read_conda_names(b'{"pytorch": ["Torch"], "openssl": null, "odd": [], "two": ["b", "a", "a"]}', BOUNDS)
    assert read.published_at is None
    records = {row.key: (row.record,) for row in read.rows}
    assert names_of(records["pytorch"]) == ("torch",)
    assert names_of(records["openssl"]) == names_of(records["odd"]) == names_of(()) == ()
    assert names_of(records["two"]) == ("a", "b")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"openssl": null}',
        b'{"pytorch": "torch"}',
        b'{"pytorch": ["not a name"]}',
        b'{"pytorch": [1]}',
        b'{"py torch": ["torch"]}',
        b'{"": ["torch"]}',
    ],
)
def test_what_is_no_map_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_conda_names(data, BOUNDS)
    assert caught.value.error_code == "data_invalid"


def test_the_bound_on_records_holds_for_both() -> None:
    one = replace(BOUNDS, records=1)
    with pytest.raises(BoundError):
        read_exploited(catalogue("CVE-2026-0001", "CVE-2026-0002"), one)
    with pytest.raises(BoundError):
        read_conda_names(b'{"a": ["a"], "b": ["b"]}', one)
