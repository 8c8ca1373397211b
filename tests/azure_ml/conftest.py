"""A simulated Azure with one workspace of Azure Machine Learning, asked through the gate's own client over HTTPS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure_world.sim_aml import AmlWorld
from azure_world.sim_server import azure_server
from azure_world.sim_state import AzureWorld
from servers.certificates import Certificate


@pytest.fixture
def azure(tls_certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureWorld]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_certificate.authority))
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with azure_server(tls_certificate) as world:
        world.aml = AmlWorld()
        world.aml.resource()
        yield world


@pytest.fixture
def aml(azure: AzureWorld) -> AmlWorld:
    assert azure.aml is not None
    return azure.aml
