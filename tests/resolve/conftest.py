"""An index of each test's own, and a server that must never be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from index.index_server import IndexServer
from resolve.resolve_channel import CondaChannel
from resolve.resolve_world import MovingIndex

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def index() -> Iterator[MovingIndex]:
    """Run an index without projects, which announces metadata as PyPI does."""
    with MovingIndex() as server:
        server.behaviour.announce = True
        yield server


@pytest.fixture
def canary() -> Iterator[IndexServer]:
    """Run an index that nobody may ask anything."""
    with IndexServer() as server:
        server.behaviour.announce = True
        yield server


@pytest.fixture
def channel() -> Iterator[CondaChannel]:
    """Run an empty conda channel."""
    with CondaChannel() as server:
        yield server


@pytest.fixture
def other_channel() -> Iterator[CondaChannel]:
    """Run a conda channel that nobody may ask anything."""
    with CondaChannel() as server:
        yield server
