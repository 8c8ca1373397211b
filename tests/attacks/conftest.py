"""One index and one image a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attacks.attack_world import Attack
from index.index_server import IndexServer

from gate.bounds import HttpBounds, WheelBounds
from gate.http.client import HttpClient
from gate.index.client import PythonIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def attack(tmp_path: Path) -> Iterator[Attack]:
    """Run an index without projects beside an image that is still only its base."""
    http = HttpClient(HttpBounds(connect=1.0, read=2.0, total=5.0, attempts=1))
    with IndexServer() as server:
        index = PythonIndex(http, server.url, bounds=WheelBounds())
        yield Attack(server=server, index=index, folder=tmp_path)
    http.close()
