"""Fixtures that run a test on SQLite and on PostgreSQL, each with a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_servers.postgres import PostgresServer, postgres_server

from gate.store.engine import make_engine
from gate.store.schema import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

__all__ = ["database_url", "engine", "postgres", "sqlite_engine", "sqlite_url"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Run one server for all tests of this process."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Name a SQLite database that does not exist yet, in a folder that does not exist yet."""
    return f"sqlite:///{tmp_path}/new/gate.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Name an empty database, once of each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Open a database with the gate's tables, once of each kind."""
    made = make_engine(database_url)
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """Open a SQLite database with the gate's tables."""
    made = make_engine(sqlite_url)
    upgrade(made)
    yield made
    made.dispose()
