"""A Notation signature, whatever its envelope: what it says, who signed it, and whether policy believes that.

Source: Notary Project, signature specification (signature manifest, payload, signed attributes, both envelopes).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from gate.errors import InputError
from gate.findings.proof.chain import ChainError, readable_roots, trusted_leaf
from gate.findings.proof.signature import verified
from gate.registry.content import strict_object

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cryptography.x509 import Certificate

    from gate.policy.scanners import ScanSigner
    from gate.registry.interface import Manifest

PAYLOAD_TYPE = "application/vnd.cncf.notary.payload.v1+json"
PREFIX = "io.cncf.notary."
SCHEME, EXPIRY = PREFIX + "signingScheme", PREFIX + "expiry"
SIGNING_TIME, AUTHENTIC_TIME = PREFIX + "signingTime", PREFIX + "authenticSigningTime"
X509, AUTHORITY = "notary.x509", "notary.x509.signingAuthority"
CRITICAL = frozenset({SCHEME, EXPIRY, AUTHENTIC_TIME})
"""Attributes that a signer may mark as critical and that are understood here; any other refuses the envelope."""


class EnvelopeError(ValueError):
    """The envelope can't be read, or is not what its specification allows; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What an envelope holds, read and not yet believed.

    Attributes:
        payload: the signed statement's bytes.
        algorithm: by its JWA name.
        signed: the very bytes that the signature is over; for ECDSA `signature` is the two numbers side by side.
        chain: DER, the signing certificate first.
        scheme: `notary.x509`, where the signer tells the time, or that of a signing authority, which vouches for it.
        signed_at: the time of signing by that scheme.
        expires: when the signature says that it ends.
    """

    payload: bytes
    algorithm: str
    signed: bytes
    signature: bytes
    chain: tuple[bytes, ...]
    scheme: str
    signed_at: datetime | None
    expires: datetime | None


def believed(
    envelope: Envelope, about: Manifest, signers: Sequence[ScanSigner], now: datetime
) -> tuple[ScanSigner, str]:
    """Return who of the signers signed the manifest, and the fingerprint of the certificate.

    Steps, numbered as in the code: 1. the payload is about this manifest in its bytes; 2. it has not expired; 3. a
    signer's roots and subject hold for the chain; 4. the signature is that certificate's over those bytes.

    Raises:
        EnvelopeError: any of it does not hold.
    """
    _check_target(envelope.payload, about)  # 1
    if envelope.expires is not None and envelope.expires <= now:  # 2
        refuse("its signature has expired")
    if envelope.signed_at is not None and envelope.signed_at > now:
        refuse("its signature is dated in the future")
    # A signer's own word on the time proves nothing: its certificate must be in force now.
    at = envelope.signed_at if envelope.scheme == AUTHORITY and envelope.signed_at else now
    signer, leaf = _trusted(envelope.chain, signers, at)  # 3
    if not verified(leaf, envelope.algorithm, envelope.signed, envelope.signature):  # 4
        refuse("its signature is not one of the certificate that it names")
    return signer, fingerprint(envelope.chain[0])


def check_attributes(critical: Sequence[object], attributes: Collection[object], content_type: object) -> str:
    """Return the signing scheme's time attribute, if what the signer says of its envelope is what the gate understands.

    Args:
        critical: the attributes that must be understood.
        attributes: all signed attributes, by name.
        content_type: what the payload is said to be.

    Raises:
        EnvelopeError: an attribute that must be understood is not, one that must be critical is not, or another type.
    """
    if content_type != PAYLOAD_TYPE:
        refuse("its signed payload is of another type")
    if len(set(map(str, critical))) != len(critical) or not set(critical) <= CRITICAL & set(attributes):
        refuse("its signature demands what is not understood")
    needed = {SCHEME} | ({EXPIRY, AUTHENTIC_TIME} & set(attributes))
    if not needed <= set(critical):
        refuse("its signature does not mark as critical what the specification asks for")
    return AUTHENTIC_TIME if AUTHENTIC_TIME in attributes else SIGNING_TIME


def check_scheme(scheme: object, time_attribute: str) -> str:
    """Return the signing scheme; EnvelopeError if it is unknown or does not go with the time that is told."""
    wanted = AUTHORITY if time_attribute == AUTHENTIC_TIME else X509
    if scheme != wanted:
        refuse("its signing scheme is unknown, or tells its time as another one does")
    return wanted


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate."""
    return hashlib.sha256(der).hexdigest()


def refuse(why: str) -> NoReturn:
    """Raise EnvelopeError."""
    raise EnvelopeError(why)


def _trusted(chain: Sequence[bytes], signers: Sequence[ScanSigner], at: datetime) -> tuple[ScanSigner, Certificate]:
    reasons = []
    # Of all signers together: who is listed twice is not believed by the entry that forgot.
    revoked = frozenset(name for signer in signers for name in signer.revoked)
    for signer in signers:
        try:
            readable_roots(signer)
            return signer, trusted_leaf(chain, signer, at, revoked=revoked)
        except ChainError as error:
            reasons.append(str(error))
    refuse(reasons[0] if reasons else "policy lists nobody who signs findings artifacts")


def _check_target(payload: bytes, about: Manifest) -> None:
    try:
        statement = strict_object(payload, what="the signed payload")
    except InputError:
        refuse("its signed payload can't be read")
    match statement.get("targetArtifact"):
        case {"digest": str(digest), "size": int(size), "mediaType": str(media_type)}:
            if (digest, size, media_type) != (about.digest, len(about.raw), about.media_type):
                refuse("its signature is about something else")
        case _:
            refuse("its signed payload names no artifact")
