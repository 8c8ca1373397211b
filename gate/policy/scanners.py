"""Whose word counts as proof of a scan: who signs findings artifacts, and who may hand in a scanner's own report."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from gate.model.base import Value

_PEM_CHARACTERS = 20_000
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


Certificate = Annotated[str, Field(max_length=_PEM_CHARACTERS), AfterValidator(_one_certificate)]
"""One certificate in PEM."""
Identity = Annotated[str, AfterValidator(_identity)]
"""`tenant/object-id`, lower case: what principals are compared by."""


class ScanSigner(Value):
    """Who signs findings artifacts. With none listed, no artifact proves anything.

    Attributes:
        roots: the certificates that a signing certificate's chain must end in.
        subject: what the signing certificate's subject must say, by short name (`C`, `ST`, `L`, `O`, `OU`, `CN`); a
            root signs for many, so this may not be empty.
    """

    name: str = Field(min_length=1)
    roots: tuple[Certificate, ...] = Field(min_length=1)
    subject: dict[str, str] = Field(min_length=1)
