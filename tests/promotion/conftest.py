"""A Key Vault with an EC key, and the Azure whose tokens it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure_world.sim_server import azure_server
from azure_world.sim_state import CLIENT, AzureWorld
from azure_world.sim_vault import SimVault, vault_server
from cryptography.hazmat.primitives.asymmetric import ec
from servers.certificates import Certificate


@pytest.fixture
def azure(tls_certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureWorld]:
    """Run Azure; the process is an identity that it knows."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_certificate.authority))
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with azure_server(tls_certificate) as world:
        monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
        monkeypatch.setenv("AZURE_CLIENT_SECRET", world.secret)
        monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE", raising=False)
        yield world


@pytest.fixture
def vault(azure: AzureWorld, tls_certificate: Certificate) -> Iterator[SimVault]:
    """Run a vault whose one key is on P-256."""
    with vault_server(tls_certificate, azure, ec.generate_private_key(ec.SECP256R1())) as running:
        yield running
