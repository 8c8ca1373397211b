"""One ground for all tests of a process that don't need their own: wheels, policy, advisories, folders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from service.inprocess import TestClient, application
from service.live import Live, prepare


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Live:
    folder = tmp_path_factory.mktemp("ground")
    return Live(url="", folder=folder, environ={**prepare(folder), "HOME": str(folder)})


@pytest.fixture(scope="module")
def client(ground: Live) -> Iterator[TestClient]:
    with application(ground) as running:
        yield running
