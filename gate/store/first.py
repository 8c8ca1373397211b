"""A new SQLite database in one go: the tables that the migrations leave, without the libraries that run them.

`schema.sql` is made from the migrations by `make docs`. Where it is older than they are, the newer ones are run on top.
"""

from __future__ import annotations

import hashlib
import sqlite3
import uuid
from contextlib import closing
from importlib.resources import files
from typing import TYPE_CHECKING

from gate.store.file import address_of, provide_file, use_wal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCRIPT = "schema.sql"

_TABLES = "SELECT count(*) FROM sqlite_master"
_HEAD = "INSERT INTO ledger_head (id, origin, size, root, frontier) VALUES (1, ?, 0, ?, ?)"


def statements_of(script: str) -> Iterator[str]:
    """Yield the statements of a script; a trigger, which holds statements, is one."""
    statement = ""
    for line in script.splitlines(keepends=True):
        if statement or not line.startswith("--"):
            statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def make_tables(execute: Callable[[str], object]) -> None:
    """Make all tables in the transaction of the caller, whose database has none."""
    for statement in statements_of(files("gate.store").joinpath(SCRIPT).read_text(encoding="utf-8")):
        execute(statement)


def new_ledger() -> tuple[str, bytes]:
    """Return the name of a ledger that nothing was written to, and its root."""
    # The name tells this log's checkpoints from those of any other log, so it must be one that no other has.
    return f"gate/{uuid.uuid4()}", hashlib.sha256(b"").digest()


def make_database(path: Path, *, patience: float) -> None:
    """Make the file and its tables; nothing is done where another process made them meanwhile.

    Raises:
        StoreError: the file can't be made, or its file system is none for a database.
        sqlite3.Error: what SQLite refuses; another writer was waited for `patience` seconds.
    """
    provide_file(path, create=True)
    address = address_of(path, "mode=rw")
    with closing(sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None)) as connection:
        use_wal(connection, patience=patience)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute(_TABLES).fetchone()[0] == 0:
            make_tables(connection.execute)
            connection.execute(_HEAD, (*new_ledger(), b""))
        connection.execute("COMMIT")
