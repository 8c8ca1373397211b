"""A running index, and a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from index.index_server import IndexServer

from gate.http.client import HttpClient
from gate.index.client import PythonIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

from index.index_world import BOUNDS, LARGE, QUICK, SMALL


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as running:
        for recipe in (SMALL, LARGE):
            running.publish(recipe.name.replace("_", "-"), recipe.filename, recipe.build_bytes())
        yield running


@pytest.fixture
def index(server: IndexServer) -> Iterator[PythonIndex]:
    http = HttpClient(QUICK)
    yield PythonIndex(http, server.url, bounds=BOUNDS)
    http.close()
