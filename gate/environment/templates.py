"""Unrendered templates: kept as what they are, and told apart from what they hide."""

from __future__ import annotations

import re

_DOLLAR = re.compile(r"\$[\w{(]|%\w{1,60}%")
_BRACES = re.compile(r"[{}\n]")


def _ends(text: str) -> dict[int, int]:
    """Return for each `{` that a `}` of the same line closes, braces inside counted, the index after that `}`."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for match in _BRACES.finditer(text):
        match match[0]:
            case "{":
                opened.append(match.start())
            case "}" if opened:
                ends[opened.pop()] = match.end()
            case "\n":
                opened.clear()
            case _:
                pass
    return ends


def spans(text: str) -> list[tuple[int, int]]:
    """Return where `{{…}}`, `${{…}}` and `{%…%}` stand, as (start, end)."""
    found: list[tuple[int, int]] = []
    if "{{" not in text and "{%" not in text:
        return found
    ends = _ends(text)
    start = text.find("{")
    while 0 <= start < len(text) - 1:
        end = ends.get(start)
        if end is None or text[start + 1] not in "{%":
            start = text.find("{", start + 1)
            continue
        dollar = start > 0 and text[start - 1] == "$" and text[start + 1] == "{"
        found.append((start - dollar, end))
        start = text.find("{", end)
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
