"""Lines of parsed formats whose parsers tell none: TOML and JSON, found again in the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.environment.text import Text


_MOST_MISSED = 50
"""How many searches over the whole text may be in vain before lines are no longer looked for."""

_MOST_IN_A_LINE = 8
"""How often a name is looked at in one line; a line that says it more often is no line that anyone wrote."""


class Finder:
    """Finds keys and values in the order in which they stand, each search going on where the last one ended."""

    def __init__(self, text: Text, comment: str = "#") -> None:
        """Start at the top. Lines that begin with `comment` are passed over; where all do, there is none."""
        self.text, self.comment = text, comment
        self.at: int = 0
        self.missed = 0

    def next(self, needle: str) -> int:
        """Return the line of the next occurrence at or after the last one, or the first of all, or line 1."""
        return self._search(lambda line: needle in line) or 1

    def string(self, needle: str) -> int:
        """Return the line of the next string that is this text whole; of the next that holds it if none is."""
        quoted = f'"{needle}"', f"'{needle}'"
        return self._search(lambda line: quoted[0] in line or quoted[1] in line) or self.next(needle)

    def key(self, name: str) -> int:
        """Return the line of the next `name = …` (TOML) or `"name": …` (JSON); of the name itself if there is none."""
        return self._search(lambda line: _has_key(line, name)) or self.next(name)

    def _search(self, matches: Callable[[str], bool]) -> int:
        lines: list[str] = self.text.lines
        if self.missed > _MOST_MISSED:
            return 0
        comment = self.comment or "\0"
        for number in (*range(self.at, len(lines)), *range(self.at)):
            if matches(lines[number]) and not lines[number].lstrip().startswith(comment):
                self.at = number
                return self.at + 1
        self.missed += 1
        return 0

    def after(self, pattern: str) -> None:
        """Move to the next line that matches, from the top; stay at the top if none does."""
        compiled = re.compile(pattern)
        self.at = next((i for i, line in enumerate(self.text.lines) if compiled.search(line)), 0)


def _has_key(line: str, name: str) -> bool:
    at = line.find(name)
    for _ in range(_MOST_IN_A_LINE):
        if at < 0:
            return False
        before, after = line[:at], line[at + len(name) :]
        quote = before[-1:] if before.endswith(("'", '"')) else ""
        whole = not quote or after.startswith(quote)
        start = before.removesuffix(quote).rstrip()
        if whole and (not start or start[-1] in "{,") and after.removeprefix(quote).lstrip()[:1] in {"=", ".", ":"}:
            return True
        at = line.find(name, at + 1)
    return False
