"""A registry is a store as any other: the contract, over the real server, with and without tokens."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from registry.contract_store import StoreContract
from servers import tokens
from servers.registry import RegistryServer

from gate.http.client import HttpClient
from gate.model.image import ImageRef, Transport
from gate.registry.auth import EnvironmentCredentials, NoCredentials
from gate.registry.interface import ImageWriter
from gate.registry.remote import RemoteRegistry


def _places(host: str) -> Callable[[str], ImageRef]:
    run = uuid.uuid4().hex
    return lambda name: ImageRef(transport=Transport.REGISTRY, repository=f"{host}/contract/{run}/{name}")


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = HttpClient()
    yield made
    made.close()


class TestOpenRegistry(StoreContract):
    """One that asks nobody who they are."""

    @pytest.fixture
    def store(self, client: HttpClient) -> ImageWriter:
        """Ask as nobody."""
        return RemoteRegistry(client, NoCredentials())

    @pytest.fixture
    def place(self, registry: RegistryServer) -> Callable[[str], ImageRef]:
        """Name repositories of this test's own."""
        return _places(registry.host)


class TestTokenRegistry(StoreContract):
    """One that takes tokens alone."""

    @pytest.fixture
    def store(self, client: HttpClient, token_registry: RegistryServer) -> ImageWriter:
        """Ask as the user who may do everything."""
        names = ("GATE_REGISTRY_HOST", "GATE_REGISTRY_USER", "GATE_REGISTRY_PASSWORD")
        values = (token_registry.host, tokens.USER, tokens.PASSWORD)
        return RemoteRegistry(
            client, EnvironmentCredentials(dict(zip(names, values, strict=True))), chunk_bytes=1000000
        )

    @pytest.fixture
    def place(self, token_registry: RegistryServer) -> Callable[[str], ImageRef]:
        """Name repositories of this test's own."""
        return _places(token_registry.host)
