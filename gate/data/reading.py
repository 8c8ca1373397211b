"""What every reader of reference data answers with, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from gate.data.interface import DataRow
from gate.errors import InputError

NOTHING_IMPORTED = "nothing was imported; fetch the file again and compare its checksum"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadData:
    """What a file holds, validated: its rows and when its publisher last changed anything in it (UTC).

    `published_at` is None where the bytes say nothing of their age.
    """

    rows: tuple[DataRow, ...]
    published_at: datetime | None


def reason_of(error: ValidationError) -> str:
    """Return where the first problem stands and what it is, without the value that was found."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part)[:100] for part in first['loc']) or 'file'}: {first['msg']}"


def invalid(message: str, **facts: object) -> InputError:
    """Return the error for a file that is not what it was handed in as."""
    return InputError(message, hint=NOTHING_IMPORTED, code="data_invalid", **facts)
