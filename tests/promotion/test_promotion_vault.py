"""A key in Azure Key Vault signs verdicts: what it signs is verified by others, and what is not its own is not used.

The vault is simulated, with a key that really signs; tokens, TLS and requests are real.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure_world.sim_vault import NAME, VERSION, VaultFaults, vault_server
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from evaluation.worlds import NOW
from promotion.promotion_vault import settings, vault_signer
from servers.sigstore import sigstore_verifier, sigstore_verifies

from gate.config import load_config
from gate.errors import BoundError, GateError, ThrottledUpstreamError
from gate.promotion.statement import PAYLOAD_TYPE
from gate.wiring_signing import statement_signer

if TYPE_CHECKING:
    from azure_world.sim_state import AzureWorld
    from azure_world.sim_vault import SimVault
    from servers.certificates import Certificate

PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1"}'
GET, POST = f"GET /keys/{NAME}/{VERSION}", f"POST /keys/{NAME}/{VERSION}/sign"


def verify(envelope: bytes, key: Any, algorithm: hashes.HashAlgorithm) -> None:
    """Verify as the specification says, with nothing of the gate's."""
    read = json.loads(envelope)
    payload, kind = base64.b64decode(read["payload"]), read["payloadType"].encode()
    pae = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    key.public_key().verify(base64.b64decode(read["signatures"][0]["sig"]), pae, ec.ECDSA(algorithm))


def test_what_the_vault_signs_is_verified_by_sigstore_and_nothing_else_is(azure: AzureWorld, vault: SimVault) -> None:
    signer = vault_signer(azure, vault)
    envelope = signer.envelope(PAYLOAD, PAYLOAD_TYPE)
    verify(envelope, vault.private, hashes.SHA256())
    folder = sigstore_verifier()
    assert sigstore_verifies(folder, envelope, vault.public) == {"verified": True}
    altered = json.loads(envelope) | {"payload": base64.b64encode(b'{"verdict":"PASSED"}').decode()}
    assert sigstore_verifies(folder, json.dumps(altered).encode(), vault.public)["verified"] is False
    assert signer.signed(envelope)
    assert not signer.signed(json.dumps(altered).encode())
    assert not signer.signed(b"{")


def test_a_key_on_p_384_signs_with_its_own_hash(azure: AzureWorld, tls_certificate: Certificate) -> None:
    with vault_server(tls_certificate, azure, ec.generate_private_key(ec.SECP384R1())) as vault:
        signer = vault_signer(azure, vault)
        envelope = signer.envelope(PAYLOAD, PAYLOAD_TYPE)
        verify(envelope, vault.private, hashes.SHA384())
        assert signer.signed(envelope)
        # It asks no key for its hash: what the page on signing says of P-384 is said because of this.
        assert sigstore_verifies(sigstore_verifier(), envelope, vault.public)["verified"] is False


def test_nothing_is_asked_before_something_is_signed_and_the_key_once(azure: AzureWorld, vault: SimVault) -> None:
    signer = vault_signer(azure, vault)
    assert (vault.asked, azure.asked) == ([], [])
    signer.envelope(PAYLOAD, PAYLOAD_TYPE)
    signer.envelope(PAYLOAD, PAYLOAD_TYPE)
    assert vault.asked == [GET, POST, POST]


def test_the_vault_gets_a_token_for_vaults_alone(azure: AzureWorld, vault: SimVault) -> None:
    vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE)
    assert len(vault.tokens) == 1
    assert azure.issued == []


@pytest.mark.parametrize("on", ["GET", "POST"])
@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"status": 401}, "vault_unauthorized"),
        ({"status": 403, "code": "ForbiddenByRbac"}, "vault_forbidden"),
        ({"status": 403, "code": "KeyDisabled"}, "vault_forbidden"),
        ({"status": 404, "code": "KeyNotFound"}, "vault_key_absent"),
        ({"status": 400, "code": "BadParameter"}, "upstream_failed"),
        ({"status": 429}, "upstream_throttled"),
        ({"status": 500}, "upstream_failed"),
        ({"cut": True}, "upstream_unreachable"),
        ({"body": b" " * 70_000}, "answer_too_large"),
        ({"body": b"<html>Sign in</html>"}, "vault_answer_wrong"),
        ({"body": b"[]"}, "vault_answer_wrong"),
        ({"body": b"{}"}, "vault_answer_wrong"),
        ({"body": b'{"kid":"a","kid":"a","value":"AA"}'}, "vault_answer_wrong"),
        ({"kid": f"https://other.vault.azure.net/keys/{NAME}/{VERSION}"}, "vault_answer_wrong"),
    ],
)
def test_an_answer_that_is_none_makes_no_envelope(
    azure: AzureWorld, vault: SimVault, on: str, faults: dict[str, Any], code: str
) -> None:
    vault.faults = VaultFaults(on=on, **faults)
    signer = vault_signer(azure, vault)
    with pytest.raises(GateError) as refused:
        signer.envelope(PAYLOAD, PAYLOAD_TYPE)
    assert refused.value.error_code == code
    assert refused.value.exit_code == 12
    assert refused.value.hint
    assert not any(token in f"{refused.value.message} {refused.value.facts}" for token in vault.tokens)
    if on == "GET":
        assert POST not in vault.asked
    # What failed is not kept: once the vault is well, the same process signs.
    vault.faults = VaultFaults()
    verify(signer.envelope(PAYLOAD, PAYLOAD_TYPE), vault.private, hashes.SHA256())


@pytest.mark.parametrize(
    "faults",
    [{"other_digest": True}, {"stranger": True}, {"trim": 1}, {"trim": 63}],
    ids=["digest", "stranger", "short", "one byte"],
)
def test_a_signature_of_something_else_is_not_used(azure: AzureWorld, vault: SimVault, faults: dict[str, Any]) -> None:
    vault.faults = VaultFaults(**faults)
    with pytest.raises(GateError) as refused:
        vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE)
    assert refused.value.error_code == "vault_signature_wrong"


@pytest.mark.parametrize("value", [7, "", "A", "AA==", "+/", None])
def test_a_signature_that_is_not_base64url_is_not_used(azure: AzureWorld, vault: SimVault, value: object) -> None:
    vault.faults = VaultFaults(on="POST", body=json.dumps({"kid": vault.identifier, "value": value}).encode())
    with pytest.raises(GateError) as refused:
        vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE)
    assert refused.value.error_code == "vault_answer_wrong"


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"enabled": False}, "vault_key_disabled"),
        ({"enabled": None}, "vault_answer_wrong"),
        ({"enabled": "true"}, "vault_answer_wrong"),
        ({"exp": int(NOW.timestamp())}, "vault_key_expired"),
        ({"nbf": int(NOW.timestamp()) + 1}, "vault_key_early"),
        ({"exp": "tomorrow"}, "vault_answer_wrong"),
        ({"exp": True}, "vault_answer_wrong"),
    ],
)
def test_a_key_that_may_not_sign_now_is_not_asked_to(
    azure: AzureWorld, vault: SimVault, attributes: dict[str, Any], code: str
) -> None:
    good = vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE)
    vault.asked.clear()
    vault.faults = VaultFaults(attributes=attributes)
    signer = vault_signer(azure, vault)
    for attempt in (lambda: signer.envelope(PAYLOAD, PAYLOAD_TYPE), lambda: signer.signed(good)):
        with pytest.raises(GateError) as refused:
            attempt()
        assert refused.value.error_code == code
    assert POST not in vault.asked


def test_a_key_goes_out_of_force_while_the_process_runs(azure: AzureWorld, vault: SimVault) -> None:
    vault.faults = VaultFaults(attributes={"exp": int((NOW + timedelta(days=1)).timestamp()), "nbf": 0})
    times = iter([NOW, NOW + timedelta(days=1)])
    signer = statement_signer(load_config(settings(azure, vault)), lambda: next(times))
    assert signer is not None
    signer.envelope(PAYLOAD, PAYLOAD_TYPE)
    with pytest.raises(GateError) as refused:
        signer.envelope(PAYLOAD, PAYLOAD_TYPE)
    assert refused.value.error_code == "vault_key_expired"
    assert vault.asked == [GET, POST]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ({"crv": "P-256K"}, "vault_key_unfit"),
        ({"crv": "P-384"}, "vault_key_unfit"),
        ({"kty": "oct"}, "vault_key_unfit"),
        ({"key_ops": ["verify"]}, "vault_key_unfit"),
        ({"key_ops": None}, "vault_key_unfit"),
        ({"x": "A" * 43}, "vault_key_unfit"),
        ({"x": "AAAA"}, "vault_key_unfit"),
        ({"y": 7}, "vault_answer_wrong"),
        ({"crv": 7}, "vault_answer_wrong"),
    ],
)
def test_a_key_of_another_kind_is_not_asked_to_sign(
    azure: AzureWorld, vault: SimVault, key: dict[str, Any], code: str
) -> None:
    vault.faults = VaultFaults(key=key)
    with pytest.raises(GateError) as refused:
        vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE)
    assert refused.value.error_code == code
    assert vault.asked == [GET]


def test_an_rsa_key_where_an_ec_key_was_expected_is_refused(azure: AzureWorld, tls_certificate: Certificate) -> None:
    with vault_server(tls_certificate, azure, rsa.generate_private_key(65537, 2048)) as vault:
        with pytest.raises(GateError) as refused:
            vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE)
        assert refused.value.error_code == "vault_key_unfit"
        assert "--kty EC" in refused.value.hint
        assert vault.asked == [GET]


@pytest.mark.parametrize("on", ["GET", "POST"])
def test_no_token_follows_a_redirect_and_no_key_is_taken_from_elsewhere(
    azure: AzureWorld, vault: SimVault, tls_certificate: Certificate, on: str
) -> None:
    with vault_server(tls_certificate, azure, ec.generate_private_key(ec.SECP256R1())) as other:
        vault.faults = VaultFaults(on=on, redirect=f"{other.identifier}?api-version=7.4")
        with pytest.raises(GateError) as refused:
            vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE)
        assert refused.value.error_code == "vault_answer_wrong"
        assert other.asked == []


@pytest.mark.parametrize(("on", "asked"), [("GET", [GET, GET, POST]), ("POST", [GET, POST, POST])])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_vault_that_is_busy_for_a_moment_is_asked_again(
    azure: AzureWorld, vault: SimVault, status: int, on: str, asked: list[str]
) -> None:
    vault.faults = VaultFaults(on=on, status=status, times=1)
    verify(vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE), vault.private, hashes.SHA256())
    assert vault.asked == asked


def test_a_vault_that_asks_for_a_long_wait_is_not_asked_again(azure: AzureWorld, vault: SimVault) -> None:
    vault.faults = VaultFaults(status=429, retry_after="3600")
    with pytest.raises(ThrottledUpstreamError) as refused:
        vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE)
    assert refused.value.facts["retry_after"] == "3600"
    assert vault.asked == [GET]


def test_the_bound_of_an_answer_is_configuration(azure: AzureWorld, vault: SimVault) -> None:
    with pytest.raises(BoundError):
        vault_signer(azure, vault, GATE_BOUND_HTTP_VAULT_BYTES="10").envelope(PAYLOAD, PAYLOAD_TYPE)


def test_an_identity_that_azure_does_not_know_asks_no_vault(
    azure: AzureWorld, vault: SimVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    with pytest.raises(GateError) as refused:
        vault_signer(azure, vault).envelope(PAYLOAD, PAYLOAD_TYPE)
    assert refused.value.error_code == "azure_sign_in_refused"
    assert vault.asked == []
