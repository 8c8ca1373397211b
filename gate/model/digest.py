"""A digest is a type apart from a tag: what was scanned, decided and promoted is a digest."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def _checked(value: str) -> str:
    if not DIGEST.fullmatch(value):
        message = f"not a sha256 digest: {value[:80]!r}"
        raise ValueError(message)
    return value


Digest = Annotated[str, AfterValidator(_checked)]
"""`sha256:` and 64 lower-case hexadecimal digits; nothing else is taken for a digest."""


def is_digest(value: str) -> bool:
    """Say whether the text is a digest of the one kind that the gate trusts."""
    return DIGEST.fullmatch(value) is not None
