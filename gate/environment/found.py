"""What a reader found before it is known from where it comes: a reference without origins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from gate.model.origin import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a command or a line, with the 1-based line on which it stands.

    `script` is the same text with its line continuations kept, where it has any.
    """

    text: str
    line: int
    script: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The fields of `gate.model.reference.Reference` that the text alone tells."""

    kind: Kind
    name: str
    line: int
    spec: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    hashes: tuple[str, ...] = ()
    distribution: str = ""
    undetermined: str = ""

    def doubted(self, code: str) -> Self:
        """Return the same with a code of why its origin can't be told; an earlier code stands."""
        return self if self.undetermined else replace(self, undetermined=code)


UNRESOLVED = "unresolved_variable"
TEMPLATE = "template"
MISSING = "missing_file"
