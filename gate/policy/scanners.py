"""Whose word counts as proof of a scan: who signs findings artifacts, and who may hand in a scanner's own report."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from gate.model.base import Value, unsaid

_PEM_CHARACTERS = 20_000
_SERIAL, _SHA256 = 64, 64
"""Most hex digits of a serial number (RFC 5280 allows 40), and those of a digest."""
_HEX = frozenset("0123456789abcdef")
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def _one_certificate(text: str) -> str:
    inner = text.strip()
    if not inner.startswith(_BEGIN) or not inner.endswith(_END) or inner.count(_BEGIN) != 1:
        message = f"one certificate in PEM, from `{_BEGIN}` to `{_END}`"
        raise ValueError(message)
    return inner


def _identity(text: str) -> str:
    tenant, slash, object_id = text.partition("/")
    if not tenant or not slash or not object_id or "/" in object_id or text != text.strip():
        message = "an identity is `tenant/object-id`"
        raise ValueError(message)
    return text.lower()


def _revoked(text: str) -> str:
    kind, colon, rest = text.partition(":")
    plain = rest.replace(":", "").lower()
    sound = bool(colon and plain) and set(plain) <= _HEX
    if sound and kind == "serial" and len(plain) <= _SERIAL and plain.strip("0"):
        return f"serial:{plain.lstrip('0')}"
    if sound and kind == "key" and len(plain) == _SHA256:
        return f"key:{plain}"
    message = "`serial:` and a certificate's serial number, or `key:` and the SHA-256 of its public key, both in hex"
    raise ValueError(message)


Certificate = Annotated[str, Field(max_length=_PEM_CHARACTERS), AfterValidator(_one_certificate)]
"""One certificate in PEM."""
Identity = Annotated[str, AfterValidator(_identity)]
"""`tenant/object-id`, lower case: what principals are compared by."""
Revoked = Annotated[str, Field(max_length=200), AfterValidator(_revoked)]
"""What is believed no more: `serial:<hex>`, or `key:<hex>`, the SHA-256 of a public key (SubjectPublicKeyInfo, DER).

No fingerprint of a certificate: its ECDSA signature has a second form, which anybody can write and which holds as well.
"""


class ScanSigner(Value):
    """Who signs findings artifacts. With none listed, no artifact proves anything.

    Attributes:
        roots: the certificates that a signing certificate's chain must end in.
        subject: what the signing certificate's subject must say, by short name (`C`, `ST`, `L`, `O`, `OU`, `CN`); a
            root signs for many, so this may not be empty.
        revoked: certificates and keys that nobody is to be believed by any more, whichever signer names them: a chain
            with one of them anywhere proves nothing, whenever it signed.
    """

    name: str = Field(min_length=1)
    roots: tuple[Certificate, ...] = Field(min_length=1)
    subject: dict[str, str] = Field(min_length=1)
    revoked: tuple[Revoked, ...] = Field(default=(), exclude_if=unsaid)
