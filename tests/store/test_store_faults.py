"""Every way in which a database fails has a code of its own and says what to do, without its secrets."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from gate.errors import BusyError, ConflictError, StoreError
from gate.store.engine import make_engine, reading, writing
from gate.store.faults import store_error, translating_store_errors
from gate.store.schema import check_schema, upgrade


def _sqlite(name: str, message: str = "x") -> sqlite3.Error:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SQLITE_BUSY", "store_busy"),
        ("SQLITE_BUSY_SNAPSHOT", "store_busy"),
        ("SQLITE_LOCKED_SHAREDCACHE", "store_busy"),
        ("SQLITE_READONLY_DBMOVED", "store_read_only"),
        ("SQLITE_FULL", "store_full"),
        ("SQLITE_NOTADB", "store_not_a_database"),
        ("SQLITE_CORRUPT_INDEX", "store_corrupt"),
        ("SQLITE_CANTOPEN", "store_unreachable"),
        ("SQLITE_CONSTRAINT_UNIQUE", "store_constraint"),
        ("SQLITE_IOERR_WRITE", "store_failed"),
        ("SQLITE_ERROR", "store_failed"),
    ],
)
def test_sqlite_errors_by_their_names(name: str, code: str) -> None:
    found = store_error(_sqlite(name))
    assert found.error_code == code
    assert isinstance(found, BusyError) is (code == "store_busy")
    assert found.hint
    assert found.exit_code == 12


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (psycopg.errors.SerializationFailure, "store_busy"),
        (psycopg.errors.DeadlockDetected, "store_busy"),
        (psycopg.errors.LockNotAvailable, "store_busy"),
        (psycopg.errors.TooManyConnections, "store_busy"),
        (psycopg.errors.DiskFull, "store_full"),
        (psycopg.errors.ReadOnlySqlTransaction, "store_read_only"),
        (psycopg.errors.InvalidPassword, "store_unauthorized"),
        (psycopg.errors.InsufficientPrivilege, "store_unauthorized"),
        (psycopg.errors.UndefinedTable, "store_no_schema"),
        (psycopg.errors.UniqueViolation, "store_constraint"),
        (psycopg.errors.InvalidCatalogName, "store_unreachable"),
        (psycopg.errors.AdminShutdown, "store_unreachable"),
        (psycopg.errors.ConnectionFailure, "store_unreachable"),
        (psycopg.errors.SyntaxError, "store_failed"),
    ],
)
def test_postgres_errors_by_their_state(error: type[psycopg.Error], code: str) -> None:
    found = store_error(error("x"))
    assert found.error_code == code
    assert isinstance(found, BusyError) is (code == "store_busy")


def test_an_error_without_name_or_state_is_still_one_of_the_store() -> None:
    assert store_error(psycopg.OperationalError("connection failed: no route")).error_code == "store_unreachable"
    assert store_error(RuntimeError("x")).error_code == "store_failed"
    assert store_error(RuntimeError()).facts == {"detail": "RuntimeError"}


def test_details_are_one_line_without_secrets() -> None:
    found = store_error(RuntimeError("postgresql://user:hunter2@db/x failed\nDETAIL: (alice)"))
    assert "hunter2" not in found.facts["detail"]
    assert "alice" not in found.facts["detail"]


@pytest.mark.parametrize(
    "raised",
    [
        DBAPIError("SELECT 1", {"secret": "hunter2"}, _sqlite("SQLITE_FULL")),
        DBAPIError("SELECT 1", None, None),  # type: ignore[arg-type]  # SQLAlchemy itself does so for a lost connection
        InvalidRequestError("closed"),
        _sqlite("SQLITE_CORRUPT"),
    ],
)
def test_nothing_of_the_database_leaves_as_anything_else(raised: Exception) -> None:
    with pytest.raises(StoreError) as found, translating_store_errors():
        raise raised
    assert found.value.__cause__ is raised
    assert "hunter2" not in f"{found.value} {found.value.facts}"


def test_what_is_not_of_the_database_passes_as_it_is() -> None:
    with pytest.raises(ConflictError), translating_store_errors():
        raise ConflictError("x")  # noqa: EM101 - nobody reads it


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite"
    file.write_bytes(b"PNG or whatever " * 100)
    engine = make_engine(f"sqlite:///{file}")
    with pytest.raises(StoreError) as refused:
        upgrade(engine)
    assert refused.value.error_code == "store_not_a_database"
    assert file.read_bytes() == b"PNG or whatever " * 100
    engine.dispose()


def test_a_damaged_database_is_named_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite"
    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()
    file = tmp_path / "x.sqlite"
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)
    engine = make_engine(url)
    with pytest.raises(StoreError) as refused, reading(engine) as connection:
        check_schema(connection)
    assert refused.value.error_code == "store_corrupt"
    engine.dispose()


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/x.sqlite")
    upgrade(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError) as refused, writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO blobs VALUES ('d', 1, randomblob(100000))")
    assert refused.value.error_code == "store_full"
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM blobs").scalar() == 0
    engine.dispose()


def test_a_database_without_the_gate_s_tables_says_so(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/x.sqlite")
    with pytest.raises(StoreError) as refused, reading(engine) as connection:
        connection.exec_driver_sql("SELECT * FROM ledger_leaves")
    assert refused.value.error_code == "store_no_schema"
    engine.dispose()
