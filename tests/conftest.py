"""The real servers as session fixtures; each test process has its own, so that processes run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acr_world.facade import AcrFacade, acr_facade
from servers.base import DebianBase, debian_base_image
from servers.certificates import Certificate, for_loopback, self_signed
from servers.engine import DockerEngine, docker_engine_server
from servers.faulty import FaultyServer, faulty_server
from servers.registry import RegistryServer, htpasswd_auth, registry_server, token_auth
from servers.tokens import TokenServer, token_server


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Run a registry that asks nobody who they are; tests use repositories of their own in it."""
    with registry_server(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="session")
def undeleting_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Run a registry that refuses to delete, as registries do by default."""
    with registry_server(tmp_path_factory.mktemp("undeleting"), delete=False) as server:
        yield server


@pytest.fixture(scope="session")
def htpasswd_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Run a registry with basic authentication (`servers.registry.HTPASSWD_USER`)."""
    folder = tmp_path_factory.mktemp("htpasswd")
    with registry_server(folder, auth=htpasswd_auth(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Run the token server of `token_registry` (`servers.tokens.USER`)."""
    with token_server(self_signed(tmp_path_factory.mktemp("tokens"), "gate-test-tokens")) as server:
        yield server


@pytest.fixture(scope="session")
def token_registry(tmp_path_factory: pytest.TempPathFactory, tokens: TokenServer) -> Iterator[RegistryServer]:
    """Run a registry that takes nothing but tokens of `tokens`."""
    with registry_server(tmp_path_factory.mktemp("token-registry"), auth=token_auth(tokens)) as server:
        yield server


@pytest.fixture(scope="session")
def tls_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Make a certificate for this machine under an authority that nobody knows."""
    return for_loopback(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def tls_registry(tmp_path_factory: pytest.TempPathFactory, tls_certificate: Certificate) -> Iterator[RegistryServer]:
    """Run a registry that speaks TLS with `tls_certificate`."""
    with registry_server(tmp_path_factory.mktemp("tls-registry"), tls=tls_certificate) as server:
        yield server


@pytest.fixture
def acr(registry: RegistryServer, tls_certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[AcrFacade]:
    """Run what an Azure Container Registry is to its clients, over `registry`; its authority is trusted in the test."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_certificate.authority))
    with acr_facade(registry, tls_certificate) as facade:
        yield facade


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    """Run a server that misbehaves as the test scripts it."""
    with faulty_server() as server:
        yield server


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """Run a Docker engine of the tests' own, or take the machine's."""
    with docker_engine_server() as engine:
        yield engine


@pytest.fixture(scope="session")
def debian_base(docker_engine: DockerEngine) -> DebianBase:
    """Bring a Debian base image with Python into the engine."""
    return debian_base_image(docker_engine)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home folder of its own, without anybody's credentials."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("DOCKER_CONFIG", "GATE_REGISTRY_HOST", "GATE_REGISTRY_USER", "GATE_REGISTRY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return folder
