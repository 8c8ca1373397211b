"""A Notation signature in its JWS envelope (Notary Project, signature envelope JWS; RFC 7515, JSON serialisation)."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Any

from gate.errors import InputError
from gate.findings.proof.envelope import (
    EXPIRY,
    SCHEME,
    Envelope,
    EnvelopeError,
    check_attributes,
    check_scheme,
    refuse,
)
from gate.registry.content import strict_object

MEDIA_TYPE = "application/jose+json"
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_KEYS = {"payload", "protected", "header", "signature"}


def read(data: bytes) -> Envelope:
    """Read an envelope; nothing of it is believed yet.

    Raises:
        EnvelopeError: it is none, or one whose attributes the gate does not understand.
    """
    whole = _object(data, "its envelope")
    if set(whole) != _KEYS or not isinstance(whole["header"], dict):
        refuse("its envelope is no JWS of the one form that Notation writes")
    protected, payload = _text(whole["protected"]), _text(whole["payload"])
    attributes = _object(_decoded(protected), "its protected header")
    critical = attributes.get("crit")
    if not isinstance(critical, list):
        refuse("its protected header lists nothing as critical")
    said_at = check_attributes(critical, attributes.keys() - {"alg", "crit", "cty"}, attributes.get("cty"))
    return Envelope(
        payload=_decoded(payload),
        algorithm=_text(attributes.get("alg")),
        signed=f"{protected}.{payload}".encode(),
        signature=_decoded(_text(whole["signature"])),
        chain=_chain(whole["header"].get("x5c")),
        scheme=check_scheme(attributes.get(SCHEME), said_at),
        signed_at=_instant(attributes.get(said_at)),
        expires=_instant(attributes[EXPIRY]) if EXPIRY in attributes else None,
    )


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        return strict_object(data, what=what)
    except InputError as error:
        raise EnvelopeError(error.message) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        refuse("its envelope lacks a part")
    return value


def _decoded(text: str) -> bytes:
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        refuse("its envelope has a part that is not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _chain(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        refuse("its envelope has no certificates")
    try:
        return tuple(base64.b64decode(_text(entry), validate=True) for entry in value)
    except ValueError as error:
        raise EnvelopeError("its envelope has certificates that are not base64") from error  # noqa: EM101, TRY003 - one place


def _instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(value))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        refuse("its envelope tells a time that is none")
    return instant.astimezone(UTC)
