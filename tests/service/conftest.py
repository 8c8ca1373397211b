"""One ground for all tests of a process that don't need their own: wheels, policy, advisories, folders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from service.inprocess import TestClient, application
from service.live import Live, ground_in


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Live:
    return ground_in(tmp_path_factory.mktemp("ground"))


@pytest.fixture(scope="module")
def client(ground: Live) -> Iterator[TestClient]:
    with application(ground) as running:
        yield running
