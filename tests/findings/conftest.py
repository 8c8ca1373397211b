"""A simulated Azure with a registry beside it, one for each test, behind TLS of one authority for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure_world.sim_gate import policy
from azure_world.sim_registry import SimRegistry
from azure_world.sim_rows import individual
from azure_world.sim_server import azure_server
from azure_world.sim_signer import Signer, make_signer
from azure_world.sim_state import AzureWorld
from findings.defender_cases import Stage
from findings.defender_scans import SCANNER
from servers.certificates import Certificate

CANARY = "sha256:" + "c" * 64


@pytest.fixture(scope="session")
def azure_certificate(tls_certificate: Certificate) -> Certificate:
    """Azure and its registries are trusted by one authority, as they are outside."""
    return tls_certificate


@pytest.fixture(scope="session")
def signer() -> Signer:
    return make_signer()


@pytest.fixture
def sim_registry() -> SimRegistry:
    return SimRegistry()


@pytest.fixture
def azure(
    azure_certificate: Certificate, sim_registry: SimRegistry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AzureWorld]:
    """Run the simulator; one image is scanned in it that nobody asks about, for no subscription is without rows."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure_certificate.authority))
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with azure_server(azure_certificate, registry=sim_registry) as world:
        world.assessments.append(individual(CANARY, 999_999))
        yield world


@pytest.fixture
def stage(azure: AzureWorld, sim_registry: SimRegistry, signer: Signer) -> Stage:
    return Stage(world=azure, registry=sim_registry, signer=signer, rules=policy(signer, scanners=(SCANNER,)))
