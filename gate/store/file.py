"""The file of a SQLite database: made for its owner alone, opened by address, its log beside it."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING

from gate.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

_WAL_PAUSE = 0.01


def address_of(path: Path, options: str) -> str:
    """Return the URI by which SQLite opens a file; a `?`, `#` or `%` in the name is part of the name."""
    name = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{name}?{options}"


def provide_file(path: Path, *, create: bool) -> None:
    """Make the file with mode 0600, and its folder, if it is not there and may be made.

    Raises:
        StoreError: `store_missing`, or `store_unreachable`: it is no file, or can't be made.
    """
    try:
        if not create:
            if not path.is_file():
                message = f"there is no database at `{path}`"
                raise StoreError(message, code="store_missing", hint="name the database with `--database`")
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Only a new file is opened here: closing any handle on a live one would drop this process' locks on it.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if not path.is_file():
            message = f"the database is not a file: `{path}`"
            raise StoreError(message, code="store_unreachable", hint="name a file") from None
    except OSError as error:
        message = f"the database can't be created at `{path}`: {error.strerror}"
        raise StoreError(message, code="store_unreachable", hint="choose a folder that can be written") from error


def use_wal(dbapi: sqlite3.Connection, *, patience: float) -> None:
    """Switch a database to the write-ahead log, waiting for others at most so many seconds.

    Raises:
        StoreError: `store_no_wal`: its file system can't do that.
        sqlite3.OperationalError: SQLite's own refusal, busy included.
    """
    # Switching a new file to WAL needs it alone, and SQLite does not wait for that: processes that start together do.
    until = time.monotonic() + patience
    while True:
        try:
            if dbapi.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal":
                return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        if time.monotonic() >= until:
            message = "the database's file system can't share memory between processes, which its log needs"
            raise StoreError(message, code="store_no_wal", hint="keep it on a local disk, or use PostgreSQL")
        time.sleep(_WAL_PAUSE)
