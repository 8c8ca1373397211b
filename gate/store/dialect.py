"""The one statement that SQLite and PostgreSQL spell alike and SQLAlchemy keeps apart: insert unless it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection


def insert_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless that would break a unique constraint; say whether it was inserted."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing().values(row)
    # Without the option PostgreSQL's cursor is closed before anybody counts.
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1


def insert_many(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows that break no unique constraint."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
