"""TLS: a server is trusted for its certificate, by the bundle that the environment names, and never otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers.certificates import Certificate
from servers.registry import RegistryServer

from gate.errors import UpstreamError
from gate.http.client import HttpClient

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpClient]:
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)
    made = HttpClient(sleep=lambda _: pytest.fail("a certificate does not get better by waiting"))
    yield made
    made.close()


@pytest.mark.parametrize("name", BUNDLES)
def test_a_server_is_trusted_by_the_bundle_of_the_environment(
    client: HttpClient,
    tls_registry: RegistryServer,
    tls_certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setenv(name, str(tls_certificate.authority))
    assert client.get_json(f"https://{tls_registry.host}/v2/") == {}


@pytest.mark.parametrize("value", ["", None])
def test_an_unknown_authority_is_refused_and_the_error_says_what_to_do(
    client: HttpClient, tls_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", value)
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(f"https://{tls_registry.host}/v2/")
    assert caught.value.error_code == "upstream_tls"
    assert "REQUESTS_CA_BUNDLE" in caught.value.hint


def test_a_bundle_that_does_not_exist_is_an_error_and_no_reason_to_trust(
    client: HttpClient, tls_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/bundle.pem")
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(f"https://{tls_registry.host}/v2/")
    assert caught.value.error_code == "ca_bundle_missing"


def test_a_certificate_of_another_host_is_refused(
    client: HttpClient, tls_registry: RegistryServer, tls_certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_certificate.authority))
    port = tls_registry.host.partition(":")[2]
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(f"https://localhost:{port}/v2/")
    assert caught.value.error_code == "upstream_tls"
