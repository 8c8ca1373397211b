"""The client of a scripted registry; a module that needs another one defines its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from registry.fault_world import FAST
from servers.faulty import FaultyServer, faulty_server

from gate.http.client import HttpClient
from gate.model.image import ImageRef
from gate.registry.auth import NoCredentials
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = HttpClient(FAST, sleep=lambda _: None)
    yield made
    made.close()


@pytest.fixture
def remote(client: HttpClient) -> RemoteRegistry:
    return RemoteRegistry(client, NoCredentials(), chunk_bytes=100)


@pytest.fixture
def elsewhere() -> Iterator[FaultyServer]:
    with faulty_server() as server:
        yield server


@pytest.fixture
def app(faulty: FaultyServer) -> ImageRef:
    return parse_image_ref(f"{faulty.host}/app:1")
