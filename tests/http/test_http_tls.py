"""TLS: a server is trusted for its certificate, by the bundle that the environment names, and never otherwise."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from servers.certificates import Certificate
from servers.registry import RegistryServer

from gate.errors import UpstreamError
from gate.http.client import HttpClient
from gate.http.watch import Trust

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


def test_a_bundle_that_holds_no_certificates_is_an_error_and_no_reason_to_trust(
    client: HttpClient, tls_registry: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("none")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(f"https://{tls_registry.host}/v2/")
    assert caught.value.error_code == "upstream_tls"


def test_a_bundle_is_read_once_and_again_when_it_changed(tls_certificate: Certificate, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(tls_certificate.authority.read_bytes())
    trust = Trust()
    first = trust.context(str(bundle), None)
    assert first is not None
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert first.check_hostname
    assert trust.context(str(bundle), None) is first
    bundle.write_bytes(tls_certificate.authority.read_bytes() * 2)
    assert trust.context(str(bundle), None) is not first


def test_a_bundle_that_was_exchanged_trusts_nobody_of_before(
    client: HttpClient,
    tls_registry: RegistryServer,
    tls_certificate: Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(tls_certificate.authority.read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert client.get_json(f"https://{tls_registry.host}/v2/") == {}
    other = HttpClient()
    bundle.write_bytes(Path(certifi.where()).read_bytes())
    with contextlib.closing(other), pytest.raises(UpstreamError):
        other.get_json(f"https://{tls_registry.host}/v2/")


@pytest.mark.parametrize(("file", "folder"), [(None, None), (None, "folder"), ("file", "folder")])
def test_a_folder_of_certificates_is_read_as_ever(file: str | None, folder: str | None) -> None:
    assert Trust().context(file, folder) is None
