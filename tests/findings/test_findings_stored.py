"""The audit says the same from the database as from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from data.osv_records import affected, lines, record
from data.reference_data_contract import a_row
from findings.findings_world import NOW, component, image, snapshot
from store_servers.databases import sqlite_engine, sqlite_url

from gate.data.importer import import_file
from gate.data.interface import DataKind
from gate.data.memory import MemoryReferenceData
from gate.findings.advisories.source import AdvisorySource
from gate.model.finding import ScanState
from gate.model.origin import Kind
from gate.store.reference import StoredReferenceData

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from gate.data.interface import ReferenceData

__all__ = ["sqlite_engine", "sqlite_url"]

PARTS = (
    component("example", "1.0"),
    component("jw_util", "2.0+local"),
    component("sound", "3"),
    component("odd", "one"),
    component("py-example", "1.0", Kind.CONDA),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write advisories on two packages."""
    path = tmp_path / "osv.jsonl"
    path.write_bytes(
        lines(record(), record("MAL-2026-2", "Jw.Util", affected=[affected("Jw.Util", {"introduced": "0"})]))
    )
    return path


def fill(kept: ReferenceData, file: Path) -> ReferenceData:
    import_file(DataKind.OSV_PYPI, file, into=kept, source="a test", now=NOW)
    kept.import_snapshot(snapshot("conda-names", "c"), [a_row("py-example", "py-example", '["example"]')])
    return kept


def test_the_report_from_the_database_is_that_from_memory(sqlite_engine: Engine, file: Path) -> None:
    stored = AdvisorySource(fill(StoredReferenceData(sqlite_engine), file)).report(image(*PARTS), now=NOW)
    remembered = AdvisorySource(fill(MemoryReferenceData(), file)).report(image(*PARTS), now=NOW)
    assert stored == remembered
    assert stored.state is ScanState.FINDINGS
    assert [(found.component, found.malicious) for found in stored.findings] == [("example", False), ("jw-util", True)]
    assert (stored.audited, stored.unaudited) == (4, ("pypi/odd@one",))


def test_an_empty_database_is_in_error_and_not_clean(sqlite_engine: Engine) -> None:
    made = AdvisorySource(StoredReferenceData(sqlite_engine)).report(image(*PARTS), now=NOW)
    assert made.state is ScanState.SOURCE_ERROR


def test_a_database_that_is_gone_is_in_error_and_not_clean(sqlite_engine: Engine, file: Path, tmp_path: Path) -> None:
    kept = fill(StoredReferenceData(sqlite_engine), file)
    sqlite_engine.dispose()
    (tmp_path / "new" / "gate.sqlite").unlink()
    made = AdvisorySource(kept).report(image(*PARTS), now=NOW)
    assert made.state is ScanState.SOURCE_ERROR
    assert made.findings == ()
