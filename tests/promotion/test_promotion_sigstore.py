"""What the gate signs is verified by Sigstore's own verifier in another language, and what was altered is not."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from servers.sigstore import sigstore_verifier, sigstore_verifies

from gate.promotion.statement import PAYLOAD_TYPE, KeySigner

if TYPE_CHECKING:
    from pathlib import Path

KEYS: dict[str, Any] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
}


def signer_of(folder: Path, key: Any) -> KeySigner:
    file = folder / "key.pem"
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return KeySigner(file)


def public(key: Any) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    text: str = key.public_key().public_bytes(encoding, form).decode()
    return text


@pytest.fixture(scope="module")
def verifier() -> Path:
    return sigstore_verifier()


@pytest.mark.parametrize("kind", KEYS)
def test_an_envelope_of_the_gate_is_verified_by_sigstore(tmp_path: Path, verifier: Path, kind: str) -> None:
    key = KEYS[kind]()
    envelope = signer_of(tmp_path, key).envelope(b'{"_type":"https://in-toto.io/Statement/v1"}', PAYLOAD_TYPE)
    assert sigstore_verifies(verifier, envelope, public(key)) == {"verified": True}


def test_an_altered_payload_another_type_and_another_key_are_not(tmp_path: Path, verifier: Path) -> None:
    key = KEYS["ed25519"]()
    envelope = signer_of(tmp_path, key).envelope(b'{"verdict":"FAILED"}', PAYLOAD_TYPE)
    read = json.loads(envelope)
    altered = read | {"payload": base64.b64encode(b'{"verdict":"PASSED"}').decode()}
    other_type = read | {"payloadType": "application/json"}
    for broken in (altered, other_type):
        said = sigstore_verifies(verifier, json.dumps(broken).encode(), public(key))
        assert (said["verified"], said["code"]) == (False, "SIGNATURE_ERROR")
    assert sigstore_verifies(verifier, envelope, public(KEYS["ed25519"]()))["verified"] is False
    assert sigstore_verifies(verifier, envelope, public(key))["verified"] is True
