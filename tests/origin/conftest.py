"""One index and one installed file system a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from index.index_server import IndexServer
from origin.origin_image import World

from gate.bounds import HttpBounds, WheelBounds
from gate.http.client import HttpClient
from gate.index.client import PythonIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[IndexServer]:
    """Run an index without projects."""
    with IndexServer() as running:
        yield running


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep what pip installed through the session."""
    return tmp_path_factory.mktemp("installed")


@pytest.fixture
def world(server: IndexServer, tmp_path: Path, pool: Path) -> Iterator[World]:
    """Bring an index and an empty image together."""
    http = HttpClient(HttpBounds(connect=1.0, read=0.3, total=2.0, attempts=1))
    bounds = WheelBounds(whole_bytes=4096, tail_bytes=4096, candidates=3)
    yield World(server=server, index=PythonIndex(http, server.url, bounds=bounds), folder=tmp_path, pool=pool)
    http.close()
