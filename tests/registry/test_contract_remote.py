"""The client of real registries does what every store must, against the real registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from registry.contract_store import StoreContract

from gate.http.client import HttpClient
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.registry.auth import NoCredentials
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers.registry import RegistryServer

    from gate.registry.interface import ImageWriter


class TestRemoteRegistry(StoreContract):
    """The contract over the distribution API."""

    @pytest.fixture
    def store(self) -> Iterator[ImageWriter]:
        """Return a client without credentials."""
        client = HttpClient()
        yield RemoteRegistry(client, NoCredentials())
        client.close()

    @pytest.fixture
    def place(self, registry: RegistryServer, request: pytest.FixtureRequest) -> Callable[[str], ImageRef]:
        """Name repositories that no other test uses."""
        own = sha256_of(request.node.nodeid.encode())[7:23]
        return lambda name: ImageRef(transport=Transport.REGISTRY, repository=f"{registry.host}/contract/{own}/{name}")
