"""The verdict as a signed statement that travels with the image: who released which bytes, by which policy, and when.

Sources: in-toto Attestation Framework, Statement v1; SLSA 1.1, Verification Summary Attestation; DSSE 1.0. The same
decision gives the same payload, byte for byte, so that attaching it twice is attaching it once.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Protocol

from gate import __version__
from gate.errors import InputError, UsageError
from gate.model.base import canonical_json, format_instant
from gate.model.decision import Decision, Outcome
from gate.registry.content import strict_object

if TYPE_CHECKING:
    from pathlib import Path

    from gate.model.digest import Digest
    from gate.model.image import ImageRef

STATEMENT = "https://in-toto.io/Statement/v1"
SUMMARY = "https://slsa.dev/verification_summary/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"
VERIFIER = "https://gate.invalid/verifier/v1"
"""Who summarises, where the organisation names nobody: a host that nobody can have (RFC 2606)."""


class StatementSigner(Protocol):
    """Makes an envelope around a payload."""

    def envelope(self, payload: bytes, payload_type: str) -> bytes:
        """Return the DSSE envelope as JSON."""
        ...

    def signed(self, envelope: bytes) -> bool:
        """Say whether the envelope carries a good signature of this very key."""
        ...


def verdict(
    decision: Decision, released: ImageRef, *, verifier: str = VERIFIER, bills: tuple[Digest, ...] = ()
) -> bytes:
    """Return the statement of a promotion, canonical JSON. `bills` are the bills of materials attached beside it.

    Raises:
        UsageError: the decision does not promote: nothing else is ever attested (`nothing_to_attest`).
    """
    if decision.outcome is not Outcome.PROMOTE or released.digest != decision.subject:
        message = f"`{released}` is not what the decision promotes"
        raise UsageError(message, code="nothing_to_attest", outcome=decision.outcome.value)
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": released.place, "digest": _digests(decision.subject)}],
        "predicateType": SUMMARY,
        "predicate": {
            "verifier": {"id": verifier, "version": {"gate": __version__}},
            "timeVerified": format_instant(decision.decided_at),
            "resourceUri": f"oci://{released.place}@{decision.subject}",
            "policy": {"uri": f"gate:policy/{decision.policy}", "digest": _digests(decision.policy)},
            "inputAttestations": [
                {"uri": f"gate:evidence/{decision.evidence}", "digest": _digests(decision.evidence)},
                {"uri": f"gate:decision/{decision.fingerprint()}", "digest": _digests(decision.fingerprint())},
                {"uri": f"gate:ruleset/{decision.ruleset}", "digest": _digests(decision.ruleset)},
                *({"uri": f"gate:sbom/{bill}", "digest": _digests(bill)} for bill in bills),
            ],
            "verificationResult": "PASSED",
            # A level of SLSA is none of this gate's to claim; the specification lets a verifier have words of its own.
            "verifiedLevels": ["GATE_PROMOTED"],
            "slsaVersion": "1.1",
        },
    }
    return canonical_json(statement)


def payload_of(envelope: bytes) -> bytes:
    """Return the payload of an envelope, without asking who signed it.

    Raises:
        InputError: it is no envelope of a statement (`envelope_unreadable`).
    """
    try:
        match strict_object(envelope, what="the envelope"):
            case {"payload": str(text), "payloadType": str(kind), "signatures": [_, *_]} if kind == PAYLOAD_TYPE:
                return base64.b64decode(text, validate=True)
            case _:
                pass
    except binascii.Error:
        pass
    message = "the attachment is no envelope of a statement"
    raise InputError(message, code="envelope_unreadable")


class KeySigner:
    """Signs with a private key from a file (PEM, PKCS #8, without a passphrase), by securesystemslib."""

    def __init__(self, key: Path) -> None:
        """Read the key.

        Raises:
            UsageError: it can't be read, or is of a kind that nobody should sign with (`signing_key_unreadable`).
        """
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - 0.2 s, for who signs
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415
        from securesystemslib.signer._crypto_signer import CryptoSigner  # noqa: PLC0415

        try:
            private: Any = load_pem_private_key(key.read_bytes(), password=None)
            self._signer = CryptoSigner(private)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            message = f"`{key}` is no private key that can sign"
            hint = "give an Ed25519 or ECDSA key as PEM (PKCS #8), readable for the gate alone"
            raise UsageError(message, code="signing_key_unreadable", hint=hint) from error

    def envelope(self, payload: bytes, payload_type: str) -> bytes:
        """Return the envelope."""
        from securesystemslib.dsse import Envelope  # noqa: PLC0415 - as above

        made = Envelope(payload, payload_type, {})
        made.sign(self._signer)
        return json.dumps(made.to_dict(), sort_keys=True).encode()

    def signed(self, envelope: bytes) -> bool:
        """Say whether the envelope is signed by this key."""
        return signed_by(self._signer.public_key, envelope)


def signed_by(public: Any, envelope: bytes) -> bool:  # noqa: ANN401 - securesystemslib's key, which is heavy to import
    """Say whether the envelope carries a good signature of the key."""
    from securesystemslib.dsse import Envelope  # noqa: PLC0415 - as above
    from securesystemslib.exceptions import Error  # noqa: PLC0415

    try:
        read = Envelope.from_dict(strict_object(envelope, what="the envelope"))
        read.verify([public], 1)
    except (Error, InputError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


def _digests(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}
