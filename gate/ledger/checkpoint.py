"""A checkpoint: the size and root that a ledger had, small enough to keep where the ledger's keeper can't reach it.

The text is that of https://c2sp.org/tlog-checkpoint without signatures: origin, size, root in base64, one a line.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from gate.errors import InputError
from gate.ledger.merkle import EMPTY_ROOT, HASH_BYTES
from gate.model.base import Value

TEXT_BYTES = 1024
"""Longest text of a checkpoint."""

_ORIGIN = re.compile(r"[\x21-\x2a\x2c-\x7e]{1,200}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_LINES = 3


def _named(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        message = "an origin is printable ASCII without spaces and `+`"
        raise ValueError(message)
    return value


def _hashed(value: str) -> str:
    if len(value) != 2 * HASH_BYTES or not re.fullmatch(r"[0-9a-f]*", value):
        message = "a root is 64 hexadecimal digits"
        raise ValueError(message)
    return value


class Checkpoint(Value):
    """What a ledger was: its name, how many leaves, and their root in lower-case hexadecimal."""

    origin: Annotated[str, AfterValidator(_named)]
    size: int = Field(ge=0)
    root: Annotated[str, AfterValidator(_hashed)]

    def text(self) -> str:
        """Write the three lines, each with its end."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(bytes.fromhex(self.root)).decode()}\n"

    @classmethod
    def read(cls, text: str) -> Checkpoint:
        """Parse the three lines, strictly: one text for one checkpoint.

        Raises:
            InputError: anything else (`checkpoint_unreadable`).
        """
        try:
            return cls._parsed(text)
        except (ValueError, binascii.Error) as error:
            message = f"not a checkpoint: {str(error).splitlines()[0]}"
            hint = "give it as `gate audit checkpoint` wrote it"
            raise InputError(message, code="checkpoint_unreadable", hint=hint) from error

    @classmethod
    def _parsed(cls, text: str) -> Checkpoint:
        lines = text[: TEXT_BYTES + 1].split("\n")
        if len(lines) != _LINES + 1 or lines[-1] or not _SIZE.fullmatch(lines[1]):
            message = "expected an origin, a size and a root, one a line"
            raise ValueError(message)
        root = base64.b64decode(lines[2], validate=True)
        found = cls(origin=lines[0], size=int(lines[1]), root=root.hex())
        if found.text() != text:
            message = "the root is not in its one base64 form"
            raise ValueError(message)
        if found.size == 0 and root != EMPTY_ROOT:
            message = "a ledger of size 0 has one root only"
            raise ValueError(message)
        return found
