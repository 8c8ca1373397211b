"""Variables resolved where the file itself tells their value; what it does not tell stays as written."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_]\w*")
_OPERATOR = re.compile(r"(:?[-+=?]|##?|%%?|//?|\^\^?|,,?|:)")
LONGEST = 65_536
"""Most characters that one expansion may yield; a longer one stays unresolved."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """Expand `$NAME` and `${NAME…}` as Docker and POSIX shells do; `\\$` is a dollar."""
    out: list[str] = []
    index = 0
    while index < len(text):
        char = text[index]
        if char == "\\" and text[index + 1 : index + 2] == "$":
            out.append("$")
            index += 2
            continue
        if char != "$":
            out.append(char)
            index += 1
            continue
        end = _end(text, index)
        out.append(parameter(text[index:end], values))
        index = end
    result = "".join(out)
    return result if len(result) <= LONGEST else text


def _end(text: str, start: int) -> int:
    if text[start + 1 : start + 2] == "{":
        depth = 0
        for index in range(start + 1, len(text)):
            depth += (text[index] == "{") - (text[index] == "}")
            if depth == 0:
                return index + 1
        return len(text)
    match = _NAME.match(text, start + 1)
    return match.end() if match else start + 1


def parameter(text: str, values: Mapping[str, str]) -> str:
    """Expand one `$NAME` or `${NAME<operator>word}`; returned as written when its value is not known."""
    if not text.startswith("${"):
        return values.get(text[1:], text)
    inner = text[2:-1] if text.endswith("}") else text[2:]
    match = _NAME.match(inner)
    if match is None:
        return text
    name, rest = match[0], inner[match.end() :]
    if not rest:
        return values.get(name, text)
    operator = _OPERATOR.match(rest)
    if operator is None:
        return text
    word = rest[operator.end() :]
    return _operate(name, operator[0], word, text, values)


def _operate(name: str, operator: str, word: str, text: str, values: Mapping[str, str]) -> str:
    value = values.get(name)
    if operator in {":-", "-", ":=", "="}:
        return value if value or (value is not None and ":" not in operator) else expand(word, values)
    if operator in {":+", "+"}:
        # Unset here may be set in the base image: the word is what it could at most add.
        return expand(word, values) if value else ""
    if value is None:
        return text
    if operator in {":?", "?"}:
        return value
    return _shape(value, operator, word, text)


def _shape(value: str, operator: str, word: str, text: str) -> str:
    match operator:
        case "#" | "##" | "%" | "%%":
            return _strip(value, operator, word)
        case "/" | "//":
            pattern, _, new = word.partition("/")
            if not pattern or len(value) > 4096:  # noqa: PLR2004 - no path or version is longer
                return text
            return re.sub(fnmatch.translate(pattern)[4:-3], lambda _: new, value, count=0 if operator == "//" else 1)
        case "^^":
            return value.upper()
        case ",,":
            return value.lower()
        case ":":
            return _slice(value, word, text)
        case _:
            return text


def _strip(value: str, operator: str, pattern: str) -> str:
    front = operator[0] == "#"
    sizes = range(len(value) + 1)
    for size in reversed(sizes) if len(operator) > 1 else sizes:
        piece = value[:size] if front else value[len(value) - size :]
        if fnmatch.fnmatchcase(piece, pattern):
            return value[size:] if front else value[: len(value) - size]
    return value


def _slice(value: str, word: str, text: str) -> str:
    match = re.fullmatch(r"\s*(\d+)(?::(\d+))?", word)
    if match is None:
        return text
    start = int(match[1])
    return value[start:] if match[2] is None else value[start : start + int(match[2])]
