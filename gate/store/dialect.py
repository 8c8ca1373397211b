"""The one statement that SQLite and PostgreSQL spell alike and SQLAlchemy keeps apart: insert unless it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows that break no unique constraint and return how many those were; others stay as they are."""
    if not rows:
        return 0
    if connection.dialect.name == "postgresql":
        return connection.execute(postgresql.insert(table).on_conflict_do_nothing(), rows).rowcount
    return connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows).rowcount
