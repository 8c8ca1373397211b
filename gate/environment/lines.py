"""Lines of parsed formats whose parsers tell none: TOML and JSON, found again in the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.environment.text import Text


_MOST_MISSED = 50
"""How many searches over the whole text may be in vain before lines are no longer looked for."""


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
        pattern = re.compile(rf"""(?:^|[{{,])\s*(["']?){re.escape(name)}\1\s*[=.:]""")
        return self._search(lambda line: name in line and pattern.search(line) is not None) or self.next(name)

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
