"""Unrendered templates: kept as what they are, and told apart from what they hide."""

from __future__ import annotations

import re

_DOLLAR = re.compile(r"\$[\w{(]|%\w{1,60}%")


_MOST_OPEN = 100
"""How many braces that close nowhere are looked at before the rest of a text counts as plain."""


def find_end(text: str, start: int) -> int:
    """Return the index after the `}}` that closes the `{{` at `start`; braces inside are counted. -1: never closed."""
    depth = 0
    for index in range(start, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index + 1
        elif text[index] == "\n":
            return -1
    return -1


def spans(text: str) -> list[tuple[int, int]]:
    """Return where `{{…}}`, `${{…}}` and `{%…%}` stand, as (start, end)."""
    found: list[tuple[int, int]] = []
    start, failed = text.find("{"), 0
    while 0 <= start < len(text) - 1 and failed < _MOST_OPEN:
        if text[start + 1] in "{%":
            end = find_end(text, start)
            if end > 0:
                dollar = start > 0 and text[start - 1] == "$" and text[start + 1] == "{"
                found.append((start - dollar, end))
                start = text.find("{", end)
                continue
            failed += 1
        start = text.find("{", start + 1)
    return found


def has_template(text: str) -> bool:
    """Say whether a template that nobody rendered stands in the text."""
    return "{" in text and bool(spans(text))


def has_variable(text: str) -> bool:
    """Say whether a shell, ADO or Windows variable that nobody resolved stands in the text."""
    return ("$" in text or "%" in text) and _DOLLAR.search(text) is not None


class Mask:
    """Templates taken out of a text, so that a parser meets plain words, and put back afterwards."""

    _OPEN, _CLOSE = "\ue000", "\ue001"

    def __init__(self) -> None:
        """Start with nothing masked."""
        self._kept: list[str] = []

    def hide(self, text: str) -> str:
        """Return the text with each template replaced by a marker of private-use characters."""
        out, last = [], 0
        for start, end in spans(text):
            out.append(text[last:start])
            out.append(f"{self._OPEN}{len(self._kept)}{self._CLOSE}")
            self._kept.append(text[start:end])
            last = end
        out.append(text[last:])
        return "".join(out)

    def show(self, text: str) -> str:
        """Return the text with the templates back in their places."""
        if self._OPEN not in text:
            return text
        return re.sub(f"{self._OPEN}(\\d+){self._CLOSE}", self._original, text)

    def _original(self, match: re.Match[str]) -> str:
        number = int(match[1])
        return self._kept[number] if number < len(self._kept) else match[0]
