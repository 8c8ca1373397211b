"""A Notation signature in its COSE envelope (Notary Project, signature envelope COSE; RFC 9052 section 4.2 and 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from gate.findings.proof.cbor import CborError, Tag, array, byte_string, decode, text_string
from gate.findings.proof.envelope import (
    EXPIRY,
    SCHEME,
    Envelope,
    EnvelopeError,
    check_attributes,
    check_scheme,
    refuse,
)

MEDIA_TYPE = "application/cose"
_EPOCH = 1
_ALG, _CRIT, _TYPE, _CHAIN = 1, 2, 3, 33
_ALGORITHMS: Mapping[object, str] = {
    -7: "ES256",
    -35: "ES384",
    -36: "ES512",
    -37: "PS256",
    -38: "PS384",
    -39: "PS512",
}


def read(data: bytes) -> Envelope:
    """Read an envelope; nothing of it is believed yet.

    Raises:
        EnvelopeError: it is none, or one whose attributes the gate does not understand.
    """
    match _decoded(data):
        case Tag(number=18, value=[bytes(protected), dict(unprotected), bytes(payload), bytes(signature)]):
            pass
        case _:
            refuse("its envelope is no COSE signature of one signer")
    attributes = _decoded(protected)
    if not isinstance(attributes, dict) or not isinstance(attributes.get(_CRIT), list):
        refuse("its protected header lists nothing as critical")
    names = attributes.keys() - {_ALG, _CRIT, _TYPE}
    said_at = check_attributes(attributes[_CRIT], names, attributes.get(_TYPE))
    return Envelope(
        payload=payload,
        algorithm=_ALGORITHMS.get(attributes.get(_ALG), ""),
        signed=array(text_string("Signature1"), byte_string(protected), byte_string(b""), byte_string(payload)),
        signature=signature,
        chain=_chain(unprotected.get(_CHAIN)),
        scheme=check_scheme(attributes.get(SCHEME), said_at),
        signed_at=_instant(attributes.get(said_at)),
        expires=_instant(attributes[EXPIRY]) if EXPIRY in attributes else None,
    )


def _decoded(data: bytes) -> object:
    try:
        return decode(data)
    except CborError as error:
        message = f"its envelope can't be read: {error}"
        raise EnvelopeError(message) from None


def _chain(value: object) -> tuple[bytes, ...]:
    certificates = [value] if isinstance(value, bytes) else value
    if not isinstance(certificates, list) or not all(isinstance(entry, bytes) for entry in certificates):
        refuse("its envelope has no certificates")
    return tuple(certificates)


def _instant(value: object) -> datetime:
    if not isinstance(value, Tag) or value.number != _EPOCH or not isinstance(value.value, int):
        refuse("its envelope tells a time that is none")
    try:
        return datetime.fromtimestamp(value.value, UTC)
    except (OverflowError, OSError, ValueError):
        refuse("its envelope tells a time beyond all calendars")
