"""The status names every kind, what is in use and how old it is, and what is missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
from data.reference_data_contract import a_row, a_snapshot

from gate.data.interface import DataKind
from gate.data.memory import MemoryReferenceData
from gate.data.status import DataStatus, as_text, status

NOW = datetime(2026, 11, 5, tzinfo=UTC)
SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "data-status-1.schema.json"


def some() -> DataStatus:
    kept = MemoryReferenceData()
    kept.import_snapshot(a_snapshot("a"), [a_row("x", "1")])
    kept.import_snapshot(a_snapshot("b", days=2), [a_row("x", "1"), a_row("y", "1")])
    return status(kept.snapshots(), now=NOW)


def test_a_kind_that_was_never_imported_is_missing_and_not_left_out() -> None:
    report = status((), now=NOW)
    assert [(kind.kind, kind.state) for kind in report.kinds] == [(kind.value, "missing") for kind in DataKind]
    assert as_text(report).count("missing; import it with `gate data import ") == len(DataKind)


def test_a_kind_of_which_nothing_is_in_use_is_missing() -> None:
    kept = MemoryReferenceData()
    stored = kept.import_snapshot(a_snapshot("a"), []).model_copy(update={"active": False})
    assert status([stored], now=NOW).kinds[0].state == "missing"


def test_age_runs_from_the_publication() -> None:
    newest, older = some().kinds[0].snapshots
    assert (newest.active, older.active) == (True, False)
    expected = NOW - (datetime(2026, 11, 1, 12, tzinfo=UTC) - timedelta(days=1))
    assert newest.age_seconds == older.age_seconds == expected.total_seconds()


def test_the_text_says_what_is_in_use() -> None:
    text = as_text(some())
    assert "osv-pypi: in use, 2 rows, 4 d 12 h old, published 2026-10-31T12:00:00.000000Z" in text
    assert "osv-pypi: kept, 1 rows" in text
    assert "sha256:" + "b" * 64 + " from https://example.org/b" in text


def test_a_source_can_not_speak_to_the_terminal() -> None:
    kept = MemoryReferenceData()
    kept.import_snapshot(a_snapshot("a").model_copy(update={"source": "\x1b[2Jgone"}), [])
    assert "\x1b" not in as_text(status(kept.snapshots(), now=NOW))


def test_the_schema_in_the_docs_is_that_of_the_code_and_holds() -> None:
    published = json.loads(SCHEMA.read_text())
    assert published == DataStatus.model_json_schema(by_alias=True, mode="serialization")
    jsonschema.validate(json.loads(some().model_dump_json(by_alias=True)), published)
