"""An import is whole or nothing, never silently older, smaller or younger than it is."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from data.osv_records import affected, lines, record, zipped

from gate.bounds import DataBounds
from gate.data.importer import READERS, import_file
from gate.data.interface import DataKind
from gate.data.memory import MemoryReferenceData
from gate.errors import BoundError, ConflictError, GateError, InputError, UsageError

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def kept() -> MemoryReferenceData:
    return MemoryReferenceData()


def bring(kept: MemoryReferenceData, path: Path, data: bytes, **changes: Any) -> str:
    """Import bytes as a file and return the digest under which they are kept."""
    path.write_bytes(data)
    arguments: dict[str, Any] = {"into": kept, "source": "a test", "now": NOW, **changes}
    return import_file(arguments.pop("kind", DataKind.OSV_PYPI), path, **arguments).snapshot.digest


def refusal(kept: MemoryReferenceData, path: Path, data: bytes, **changes: Any) -> GateError:
    """Return the error of an import, after proving that it changed nothing."""
    before = kept.snapshots()
    with pytest.raises(GateError) as caught:
        bring(kept, path, data, **changes)
    assert kept.snapshots() == before
    return caught.value


def test_every_kind_has_a_reader() -> None:
    assert set(READERS) == set(DataKind)


def test_the_digest_is_that_of_the_bytes_and_the_date_that_of_the_newest_record(
    kept: MemoryReferenceData, tmp_path: Path
) -> None:
    data = lines(
        record("PYSEC-2026-1", modified="2026-10-05T00:00:00Z"), record("PYSEC-2026-2", modified="2026-10-01T00:00:00Z")
    )
    digest = bring(kept, tmp_path / "osv", data, source="https://user:secret@example.org/all?token=abc")
    snapshot = kept.active("osv-pypi")
    assert snapshot is not None
    assert digest == snapshot.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert snapshot.published_at == datetime(2026, 10, 5, tzinfo=UTC)
    assert snapshot.imported_at == NOW
    assert "secret" not in snapshot.source
    assert "abc" not in snapshot.source
    assert kept.lookup("osv-pypi", digest, ["example"])["example"]


def test_a_source_that_is_no_text_is_spelled_out(kept: MemoryReferenceData, tmp_path: Path) -> None:
    bring(kept, tmp_path / "osv", lines(record()), source="osv-\udcff.jsonl")
    snapshot = kept.active("osv-pypi")
    assert snapshot is not None
    assert snapshot.source == "osv-\\udcff.jsonl"
    assert snapshot.canonical()


@pytest.mark.parametrize("data", [b"", b"\n\n", zipped()])
def test_no_records_is_not_clean_data(kept: MemoryReferenceData, tmp_path: Path, data: bytes) -> None:
    assert refusal(kept, tmp_path / "osv", data).error_code == "data_invalid"


def test_one_bad_record_among_good_ones_fails_the_whole_and_is_named(kept: MemoryReferenceData, tmp_path: Path) -> None:
    bring(kept, tmp_path / "osv", lines(record("PYSEC-2026-1")))
    bad = lines(record("PYSEC-2026-1"), record("PYSEC-2026-2", modified=7), record("PYSEC-2026-3"))
    error = refusal(kept, tmp_path / "bad", bad)
    assert isinstance(error, InputError)
    assert error.facts == {"record": "PYSEC-2026-2", "where": "line 2"}


def test_a_dump_of_another_ecosystem_is_refused(kept: MemoryReferenceData, tmp_path: Path) -> None:
    npm = lines(record("GHSA-1", affected=[affected("left-pad", ecosystem="npm")]))
    assert "names no PyPI package" in refusal(kept, tmp_path / "osv", npm).message


def test_an_id_twice_is_refused(kept: MemoryReferenceData, tmp_path: Path) -> None:
    error = refusal(kept, tmp_path / "osv", lines(record(), record(summary="another one")))
    assert "twice" in error.message


def test_data_from_the_future_would_never_grow_old_and_is_refused(kept: MemoryReferenceData, tmp_path: Path) -> None:
    data = lines(record(modified="2099-01-01T00:00:00Z"))
    assert refusal(kept, tmp_path / "osv", data).error_code == "data_future"
    assert bring(kept, tmp_path / "osv", lines(record(modified="2026-11-01T00:59:00Z")))


def test_older_data_does_not_replace_newer_by_accident(kept: MemoryReferenceData, tmp_path: Path) -> None:
    new = bring(kept, tmp_path / "new", lines(record(modified="2026-10-05T00:00:00Z")))
    old = lines(record(modified="2026-10-04T00:00:00Z"))
    error = refusal(kept, tmp_path / "old", old)
    assert isinstance(error, ConflictError)
    assert error.error_code == "data_older"
    back = bring(kept, tmp_path / "old", old, allow_older=True)
    active = kept.active("osv-pypi")
    assert active is not None
    assert active.digest == back
    assert new in {one.snapshot.digest for one in kept.snapshots()}


def test_a_file_cut_at_the_end_of_a_line_is_noticed(kept: MemoryReferenceData, tmp_path: Path) -> None:
    bring(kept, tmp_path / "osv", lines(*(record(f"PYSEC-2026-{number}") for number in range(20))))
    cut = lines(*(record(f"PYSEC-2026-{number}") for number in range(17)))
    assert refusal(kept, tmp_path / "cut", cut).error_code == "data_smaller"
    assert bring(kept, tmp_path / "cut", cut, allow_smaller=True)


def test_a_slightly_smaller_file_is_taken(kept: MemoryReferenceData, tmp_path: Path) -> None:
    bring(kept, tmp_path / "osv", lines(*(record(f"PYSEC-2026-{number}") for number in range(20))))
    assert bring(kept, tmp_path / "less", lines(*(record(f"PYSEC-2026-{number}") for number in range(18))))


def test_a_bound_on_the_file_holds_before_it_is_parsed(kept: MemoryReferenceData, tmp_path: Path) -> None:
    error = refusal(kept, tmp_path / "osv", b"x" * 101, bounds=replace(DataBounds(), file_bytes=100))
    assert isinstance(error, BoundError)


@pytest.mark.parametrize("name", ["absent", "."])
def test_what_is_no_file_is_an_error_of_the_caller(kept: MemoryReferenceData, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        import_file(DataKind.OSV_PYPI, tmp_path / name, into=kept, source="", now=NOW)
    assert str(tmp_path) not in caught.value.message
    assert kept.snapshots() == ()


def test_a_file_that_may_not_be_read_is_an_error_of_the_caller(kept: MemoryReferenceData) -> None:
    with pytest.raises(InputError, match="can't be read"):
        import_file(DataKind.OSV_PYPI, Path("/proc/self/mem"), into=kept, source="", now=NOW)


def test_a_kind_without_a_date_needs_one_and_the_others_take_none(kept: MemoryReferenceData, tmp_path: Path) -> None:
    names = b'{"pytorch": ["torch"], "openssl": null}'
    assert isinstance(refusal(kept, tmp_path / "names", names, kind=DataKind.CONDA_NAMES), UsageError)
    assert isinstance(refusal(kept, tmp_path / "osv", lines(record()), published_at=NOW), UsageError)
    claimed = NOW - timedelta(days=3)
    bring(kept, tmp_path / "names", names, kind=DataKind.CONDA_NAMES, published_at=claimed)
    active = kept.active("conda-names")
    assert active is not None
    assert active.published_at == claimed


def test_a_claimed_date_may_not_lie_in_the_future(kept: MemoryReferenceData, tmp_path: Path) -> None:
    tomorrow = NOW + timedelta(days=1)
    error = refusal(kept, tmp_path / "n", b'{"a": ["a"]}', kind=DataKind.CONDA_NAMES, published_at=tomorrow)
    assert error.error_code == "data_future"
