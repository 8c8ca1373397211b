"""What all values share: frozen, no unknown keys, one canonical JSON form."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Self

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer


class Value(BaseModel):
    """A frozen value. Two values are equal when their canonical bytes are."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    def canonical(self) -> bytes:
        """Return the RFC 8785 form: the only bytes that are ever hashed or signed."""
        return canonical_json(self.model_dump(mode="json"))

    def fingerprint(self) -> str:
        """Return `sha256:<hex>` of the canonical bytes."""
        return sha256_of(self.canonical())

    @classmethod
    def parse(cls, data: bytes | str) -> Self:
        """Read the value back from JSON; unknown keys are refused."""
        return cls.model_validate_json(data)


def canonical_json(data: object) -> bytes:
    """Serialise plain JSON data as RFC 8785 does. Integers beyond 2**53 and NaN are refused by it."""
    return rfc8785.dumps(data)  # type: ignore[arg-type]


def sha256_of(data: bytes) -> str:
    """Return `sha256:<hex>` of the bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def unsaid(value: object) -> bool:
    """Say whether a field says nothing (`exclude_if`): kept values keep their canonical bytes when one is added."""
    return value is None or value in ("", ())


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        message = "an instant needs a time zone"
        raise ValueError(message)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        message = "an instant outside the years 1 to 9999 in UTC"
        raise ValueError(message) from error


def format_instant(value: datetime) -> str:
    """Write an instant as RFC 3339 in UTC with microseconds and `Z`: one spelling for one instant."""
    # Not `strftime`: its years below 1000 have fewer than four digits.
    return value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


Instant = Annotated[
    datetime, AfterValidator(_aware), PlainSerializer(format_instant, return_type=str, when_used="json")
]
"""A point in time, with a zone, kept in UTC; its JSON form sorts as text."""
