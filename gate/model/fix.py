"""A change of a definition that would let a reference pass, small enough to be read before it is made."""

from __future__ import annotations

from pydantic import Field

from gate.model.base import Value


class Edit(Value):
    """Lines of one file in the place of others: `removed` stands there, from the 1-based `line` on."""

    file: str
    line: int = Field(ge=1)
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


class Fix(Value):
    """A change in words, as edits, and as a unified diff of the definition's own text."""

    summary: str
    edits: tuple[Edit, ...] = Field(min_length=1)
    diff: str
