"""One file of a definition as text: decoded once, its lines kept for evidence."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property

from gate.model.redact import redact

EXCERPT = 400
"""Longest excerpt of a line that a reference carries, in characters."""

_NEWLINE = re.compile(r"\r\n|\n|\r")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class NotTextError(ValueError):
    """The bytes are no text in any encoding that a definition may have."""


def decode(data: bytes) -> str:
    """Decode as pip does: a byte order mark decides, else UTF-8, else Latin-1.

    Raises:
        NotTextError: the bytes hold NUL without a mark of UTF-16 or UTF-32, or break the encoding that the mark names.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding)
            except UnicodeDecodeError as error:
                message = f"bytes are not the {encoding} that the byte order mark promises"
                raise NotTextError(message) from error
    if b"\0" in data:
        message = "holds NUL bytes: binary data, not text"
        raise NotTextError(message)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@dataclass(frozen=True)
class Text:
    """A decoded file. `path` is relative to the scanned root, with `/`; line numbers are 1-based."""

    path: str
    content: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines as editors count them, without their ends."""
        return _NEWLINE.split(self.content)

    def excerpt(self, line: int) -> str:
        """Return the line as evidence: stripped, without credentials, cut."""
        if not 1 <= line <= len(self.lines):
            return ""
        if line not in self._excerpts:
            self._excerpts[line] = redact(self.lines[line - 1][: 4 * EXCERPT].strip()[: 2 * EXCERPT])[:EXCERPT]
        return self._excerpts[line]

    @cached_property
    def _excerpts(self) -> dict[int, str]:
        return {}
