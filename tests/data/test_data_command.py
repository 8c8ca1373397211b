"""`gate data` as a person runs it: exit codes, what stands on stdout, what the ledger says, what did not change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from data.osv_records import gzipped, lines, record

from gate.cli import main
from gate.ledger.record import Event, LedgerRecord
from gate.store.engine import make_engine, reading
from gate.store.tables import ledger_leaves

if TYPE_CHECKING:
    from pathlib import Path

OLD = record(modified="2025-01-01T00:00:00Z")
NEW = record(modified="2025-02-01T00:00:00Z")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name a database in a new home."""
    monkeypatch.setenv("GATE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GATE_DATABASE", raising=False)
    monkeypatch.delenv("GATE_PRINCIPAL", raising=False)
    return f"sqlite:///{tmp_path}/home/gate.sqlite"


def recorded(database: str) -> list[LedgerRecord]:
    """Return what the ledger holds."""
    engine = make_engine(database, read_only=True)
    try:
        with reading(engine) as connection:
            statement = sa.select(ledger_leaves.c.leaf_bytes).order_by(ledger_leaves.c.leaf_index)
            return [LedgerRecord.parse(data) for data in connection.execute(statement).scalars()]
    finally:
        engine.dispose()


def brought(path: Path, data: bytes, *options: str) -> int:
    """Run `gate data import` on these bytes."""
    path.write_bytes(data)
    return main(["data", "import", "osv-pypi", str(path), *options])


def active(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the digest in use, as `gate data status` says."""
    capsys.readouterr()
    assert main(["data", "status", "--format", "json"]) == 0
    kinds = json.loads(capsys.readouterr().out)["kinds"]
    return next((one["digest"] for one in kinds[0]["snapshots"] if one["active"]), "")


def test_an_import_is_in_use_and_on_the_ledger(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_PRINCIPAL", "tenant/steward")
    assert brought(tmp_path / "osv.jsonl.gz", gzipped(OLD), "--source", "https://u:secret@example.org/a") == 0
    assert "osv-pypi: 1 rows in use, sha256:" in capsys.readouterr().out
    (entry,) = recorded(database)
    assert entry.event is Event.DATA_IMPORTED
    assert entry.facts["digest"] == active(capsys)
    assert entry.facts["rows"] == "1"
    assert entry.facts["replaces"] == ""
    assert set(entry.commitments) == {"actor"}
    assert "secret" not in entry.model_dump_json()
    assert "steward" not in entry.model_dump_json()


def test_without_a_source_the_file_is_named(database: str, tmp_path: Path) -> None:
    assert brought(tmp_path / "osv.jsonl.gz", gzipped(OLD)) == 0
    assert recorded(database)[0].facts["source"] == "osv.jsonl.gz"


def test_every_change_of_what_is_in_use_is_recorded_and_nothing_else(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    assert brought(old, lines(OLD)) == 0
    first = active(capsys)
    assert brought(old, lines(OLD)) == 0
    assert brought(new, lines(NEW)) == 0
    assert brought(old, lines(OLD)) == 12
    assert brought(old, lines(OLD), "--allow-older") == 0
    entries = recorded(database)
    assert [(entry.facts["digest"] == first, entry.attempt) for entry in entries] == [(True, 1), (False, 1), (True, 2)]
    assert [bool(entry.facts["replaces"]) for entry in entries] == [False, True, True]
    assert active(capsys) == first


@pytest.mark.parametrize("data", [b"", b"{}", lines(OLD) + b"{broken"])
def test_a_bad_file_exits_12_with_its_code_and_changes_nothing(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    assert brought(tmp_path / "good", lines(OLD)) == 0
    before = active(capsys)
    assert brought(tmp_path / "bad", data) == 12
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "error[data_invalid]" in shown.err
    assert active(capsys) == before
    assert len(recorded(database)) == 1


def test_a_smaller_file_needs_a_word(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del database
    assert (
        brought(tmp_path / "many", lines(*(record(f"PYSEC-2025-{n}", modified=OLD["modified"]) for n in range(9)))) == 0
    )
    assert brought(tmp_path / "few", lines(NEW)) == 12
    assert "error[data_smaller]" in capsys.readouterr().err
    assert brought(tmp_path / "few", lines(NEW), "--allow-smaller") == 0


def test_an_unknown_kind_is_wrong_usage(database: str, tmp_path: Path) -> None:
    del database
    assert main(["data", "import", "osv-npm", str(tmp_path)]) == 2
    assert not (tmp_path / "home").exists()


def test_a_date_is_taken_for_the_kind_that_has_none(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del database
    names = tmp_path / "names.json"
    names.write_text('{"pytorch": ["torch"]}')
    assert main(["data", "import", "conda-names", str(names)]) == 2
    assert main(["data", "import", "conda-names", str(names), "--published-at", "2025-03-04"]) == 0
    capsys.readouterr()
    assert main(["data", "status"]) == 0
    assert "conda-names: in use, 1 rows" in capsys.readouterr().out


def test_status_changes_nothing_and_makes_no_database(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "status"]) == 12
    assert "error[store_missing]" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()
    assert brought(tmp_path / "osv", lines(OLD)) == 0
    stamp = (tmp_path / "home" / "gate.sqlite").read_bytes()
    assert main(["data", "status", "--database", database]) == 0
    assert (tmp_path / "home" / "gate.sqlite").read_bytes() == stamp
