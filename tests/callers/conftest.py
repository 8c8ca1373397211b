"""An authority over HTTPS, and the service's own check of tokens over its real keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure_world.sim_tokens import Entra, entra_server
from servers.certificates import Certificate


@pytest.fixture
def entra(tls_certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Entra]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_certificate.authority))
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with entra_server(tls_certificate) as authority:
        yield authority
