"""Both places that keep reference data, held to one contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from data.reference_data_contract import ReferenceDataContract
from store_servers.databases import database_url, engine, postgres, sqlite_url

from gate.data.memory import MemoryReferenceData
from gate.store.reference import StoredReferenceData

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from gate.data.interface import ReferenceData

__all__ = ["database_url", "engine", "postgres", "sqlite_url"]


class TestMemory(ReferenceDataContract):
    """In memory."""

    @pytest.fixture
    def kept(self) -> ReferenceData:
        """Return an empty place in memory."""
        return MemoryReferenceData()


class TestDatabase(ReferenceDataContract):
    """In SQLite and in PostgreSQL."""

    @pytest.fixture
    def kept(self, engine: Engine) -> ReferenceData:
        """Return an empty place in a database."""
        return StoredReferenceData(engine)
