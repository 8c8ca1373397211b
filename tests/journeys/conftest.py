"""One yard for all journeys of a test process."""

from __future__ import annotations

import pytest
from journeys.journey_world import Yard, wheelhouse, write_policy
from servers.base import DebianBase
from servers.engine import DockerEngine
from servers.registry import RegistryServer


@pytest.fixture(scope="session")
def yard(
    tmp_path_factory: pytest.TempPathFactory,
    docker_engine: DockerEngine,
    debian_base: DebianBase,
    registry: RegistryServer,
) -> Yard:
    folder = tmp_path_factory.mktemp("yard")
    made = Yard(
        engine=docker_engine,
        base=debian_base,
        host=registry.host,
        folder=folder,
        wheels=wheelhouse(folder / "wheelhouse"),
    )
    write_policy(made)
    return made
