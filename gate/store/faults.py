"""Turn what a database driver raises into the gate's own errors, once, at the edge of a transaction."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gate.errors import BusyError, StoreError
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterator


class Fault(NamedTuple):
    """What one family of driver errors means: a code, a message, and what to do."""

    code: str
    message: str
    hint: str


BUSY = Fault("store_busy", "the database is locked by another writer", "try again; if it stays, end the other process")
READ_ONLY = Fault("store_read_only", "the database can't be written", "check the file's owner, mode and file system")
FULL = Fault("store_full", "the database's disk is full", "free space; nothing was changed")
NOT_A_DATABASE = Fault("store_not_a_database", "the file is not a database", "name the right file with `--database`")
CORRUPT = Fault("store_corrupt", "the database file is damaged", "restore it, then run `gate audit verify`")
UNREACHABLE = Fault("store_unreachable", "the database can't be opened", "check its address and that it runs")
REFUSED = Fault("store_unauthorized", "the database refused the gate's credentials", "check user and password")
NO_SCHEMA = Fault("store_no_schema", "the database has no tables of the gate", "name the right one with `--database`")
CONSTRAINT = Fault("store_constraint", "the database refused a change that would break its rules", "report this")
FAILED = Fault("store_failed", "the database failed", "see the detail; nothing was changed")

_SQLITE: tuple[tuple[str, Fault], ...] = (
    ("SQLITE_BUSY", BUSY),
    ("SQLITE_LOCKED", BUSY),
    ("SQLITE_READONLY", READ_ONLY),
    ("SQLITE_FULL", FULL),
    ("SQLITE_NOTADB", NOT_A_DATABASE),
    ("SQLITE_CORRUPT", CORRUPT),
    ("SQLITE_CANTOPEN", UNREACHABLE),
    ("SQLITE_CONSTRAINT", CONSTRAINT),
)
"""Prefixes of https://www.sqlite.org/rescode.html names, which extended codes lengthen."""

_POSTGRES: tuple[tuple[str, Fault], ...] = (
    ("40", BUSY),
    ("55P03", BUSY),
    ("53300", BUSY),
    ("53100", FULL),
    ("25006", READ_ONLY),
    ("28", REFUSED),
    ("42501", REFUSED),
    ("42P01", NO_SCHEMA),
    ("23", CONSTRAINT),
    ("3D", UNREACHABLE),
    ("08", UNREACHABLE),
    ("57", UNREACHABLE),
)
"""Prefixes of SQLSTATE codes, PostgreSQL manual, appendix A."""


@contextmanager
def translating_store_errors() -> Iterator[None]:
    """Raise StoreError or BusyError for anything that a driver or SQLAlchemy raises inside.

    It goes around a transaction, never inside one that a durable step runs: that step must see the driver's own error
    to know that trying again may help.
    """
    try:
        yield
    except DBAPIError as error:
        raise store_error(error.orig or error) from error
    except PoolTimeoutError as error:
        raise _error(BUSY, "every connection is in use") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise store_error(error) from error


def store_error(error: BaseException) -> StoreError:
    """Return the gate's error for a driver's; its detail is the driver's first line without secrets."""
    lines = str(error).splitlines()
    return _error(_fault(error), redact(lines[0]) if lines else type(error).__name__)


def _error(fault: Fault, detail: str) -> StoreError:
    kind = BusyError if fault is BUSY else StoreError
    return kind(fault.message, code=fault.code, hint=fault.hint, detail=detail)


def _fault(error: BaseException) -> Fault:
    name = getattr(error, "sqlite_errorname", None)
    if name is not None:
        if "no such table" in str(error):
            return NO_SCHEMA
        return next((fault for prefix, fault in _SQLITE if name.startswith(prefix)), FAILED)
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return next((fault for prefix, fault in _POSTGRES if state.startswith(prefix)), FAILED)
    # psycopg gives a connection that never came to be no SQLSTATE.
    return UNREACHABLE if "connection" in str(error).lower() else FAILED
