"""The fenced `console` blocks of a document: commands with what they print and the exit code they are said to have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"  # exit (\d+)$")
_ELIDED = "…"


@dataclass(frozen=True, kw_only=True)
class Command:
    """One line that a reader types, the lines that they are shown, and the exit code."""

    line: str
    shown: tuple[str, ...]
    code: int

    def pattern(self) -> re.Pattern[str]:
        """Return what the output has to match: `…` stands for anything in a line, and alone for any lines."""
        if not self.shown:
            return re.compile(r"(?s).*")
        parts = [
            r"(?:.*\n)*?" if line == _ELIDED else ".*".join(map(re.escape, line.split(_ELIDED))) + r"\n"
            for line in self.shown
        ]
        return re.compile("".join(parts) + r"\n*")


def commands(document: Path) -> tuple[Command, ...]:
    """Return every command of the document, in order."""
    return tuple(one for block in _BLOCK.findall(document.read_text()) for one in _of_block(block.splitlines()))


def _of_block(lines: Sequence[str]) -> Iterator[Command]:
    typed: str | None = None
    shown: list[str] = []
    for line in [*lines, "$ "]:
        if not line.startswith("$ "):
            shown.append(line)
            continue
        if typed is not None:
            code = _CODE.search(typed)
            yield Command(
                line=_CODE.sub("", typed), shown=tuple(_trimmed(shown)), code=int(code.group(1)) if code else 0
            )
        typed, shown = line[2:], []


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1]:
        lines.pop()
    return lines
