"""Open the gate's database, SQLite or PostgreSQL, so that a transaction means the same on both."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError

from gate.errors import StoreError
from gate.model.redact import redact
from gate.store.faults import translating_store_errors
from gate.store.file import address_of, provide_file, use_wal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["isolation_of", "make_engine", "reading", "translating_store_errors", "writing"]

READING = "gate_reading"
"""The execution option that marks a SQLite transaction as one that only reads."""


def make_engine(url: str, *, read_only: bool = False, busy_seconds: float = 15.0, own_begin: bool = False) -> Engine:
    """Return an engine for `sqlite:///<file>` or `postgresql://…`; a SQLite file is created with mode 0600.

    Every SQLite transaction starts with `BEGIN IMMEDIATE`, so that one which reads and then writes can't lose a race
    it has half won; those of `reading` start with `BEGIN` and can't write.

    Args:
        url: SQLAlchemy's form; credentials in it are shown nowhere.
        read_only: the database must be there and is never written, not even by opening it.
        busy_seconds: how long to wait for another writer before BusyError.
        own_begin: for code that writes `BEGIN IMMEDIATE` itself (DBOS and its system tables): SQLite's driver begins
            a transaction before the first change, and nothing else does.

    Raises:
        StoreError: no such kind of database, or the file can't be made (`database_url`, `store_unreachable`,
            `store_missing`).
    """
    parsed = _parse(url)
    if parsed.drivername == "sqlite":
        engine = _sqlite(Path(parsed.database or ""), read_only=read_only, busy_seconds=busy_seconds)
        event.listen(engine, "connect", _leave_begin if own_begin else _take_begin)
        if not own_begin:
            event.listen(engine, "begin", _begin)
        return engine
    return sa.create_engine(
        parsed,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=busy_seconds,
        connect_args={"connect_timeout": max(2, int(busy_seconds)), "options": _postgres_options(busy_seconds)},
    )


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run one transaction that may write; commits at the end, rolls back on any error, translates errors."""
    with translating_store_errors(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run one transaction that sees a single state of the database and can't change it."""
    options: dict[str, object] = (
        {READING: True}
        if engine.dialect.name == "sqlite"
        else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    )
    with translating_store_errors(), engine.connect() as bare, bare.execution_options(**options) as connection:
        yield connection


def isolation_of(engine: Engine) -> Literal["SERIALIZABLE", "READ COMMITTED"]:
    """Name the isolation level for transactions that append to the ledger.

    The row lock on `ledger_head` puts writers in a row. PostgreSQL's stricter levels would answer every writer who
    had to wait with a failure to be retried; SQLite knows no other level.
    """
    return "SERIALIZABLE" if engine.dialect.name == "sqlite" else "READ COMMITTED"


def _parse(url: str) -> URL:
    hint = "use `sqlite:///<file>` or `postgresql://user@host/name`"
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        message = "the database URL can't be read"
        raise StoreError(message, code="database_url", hint=hint) from error
    shown = redact(parsed.render_as_string(hide_password=True))
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not parsed.database or parsed.database == ":memory:" or "?" in url or parsed.host:
            message = f"not a database file: `{shown}`"
            raise StoreError(message, code="database_url", hint=hint, url=shown)
        return parsed.set(drivername="sqlite")
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    message = f"no such kind of database: `{parsed.drivername}`"
    raise StoreError(message, code="database_url", hint=hint, url=shown)


def _postgres_options(busy_seconds: float) -> str:
    # The server ends a writer that died without closing its connection, so that the head row does not stay locked.
    return f"-c lock_timeout={int(busy_seconds * 1000)} -c idle_in_transaction_session_timeout=60000"


def _sqlite(path: Path, *, read_only: bool, busy_seconds: float) -> Engine:
    provide_file(path, create=not read_only)
    address = address_of(path, _reading_mode(path) if read_only else "mode=rw")

    def connect() -> sqlite3.Connection:
        # By URI: a file that was taken away since is an error, not a new and empty ledger.
        return sqlite3.connect(address, uri=True, timeout=busy_seconds, check_same_thread=False)

    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path.absolute())), creator=connect, hide_parameters=True
    )

    def prepare(dbapi: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        del record
        if not read_only:
            use_wal(dbapi, patience=busy_seconds)
        dbapi.execute("PRAGMA synchronous=FULL")
        dbapi.execute("PRAGMA foreign_keys=ON")

    event.listen(engine, "connect", prepare)
    return engine


def _take_begin(dbapi: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    del record
    dbapi.isolation_level = None  # BEGIN is ours: the driver's own comes too late and not before a SELECT


def _leave_begin(dbapi: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    del record
    dbapi.isolation_level = "IMMEDIATE"


def _reading_mode(path: Path) -> str:
    # SQLite wants to write a lock file even to read in WAL mode. Where it can't, and nobody has the file open to write
    # (there would be a `-wal`), the file is read as one that does not change.
    still = not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
    return "mode=ro&immutable=1" if still else "mode=ro"


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == "AUTOCOMMIT":
        return
    if options.get(READING):
        connection.exec_driver_sql("PRAGMA query_only=ON")
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql("PRAGMA query_only=OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
