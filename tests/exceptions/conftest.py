"""Databases and a storage for these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_servers.databases import database_url, engine, postgres, sqlite_engine, sqlite_url

from gate.exceptions.storage import FolderStorage

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["database_url", "engine", "postgres", "sqlite_engine", "sqlite_url"]


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    """Name a storage that does not exist yet."""
    return FolderStorage(tmp_path / "storage")
