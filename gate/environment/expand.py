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

_STRIPPED = 2048
"""Longest value of which every beginning or end is tried against a pattern."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """Expand `$NAME` and `${NAME…}` as Docker and POSIX shells do; an escaped dollar is a plain one."""
    if "$" not in text or len(text) > LONGEST:
        return text
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
    rest = inner[match.end() :].removeprefix("[@]").removeprefix("[*]") if match else ""
    operator = _OPERATOR.match(rest)
    if match is None or (rest and operator is None):
        return text
    if operator is None:
        return values.get(match[0], text)
    return _operate(values.get(match[0]), operator[0], rest[operator.end() :], text, values)


def _operate(value: str | None, operator: str, word: str, text: str, values: Mapping[str, str]) -> str:
    if operator in {":-", "-", ":=", "="}:
        empty_counts = not operator.startswith(":")
        return value if value or (value is not None and empty_counts) else expand(word, values)
    if operator in {":+", "+"}:
        # Unset here may be set in the base image: then the word is added; nothing installs by that alone.
        return expand(word, values) if value else ""
    if value is None:
        return text
    return value if operator in {":?", "?"} else _shape(value, operator, word, text)


def _shape(value: str, operator: str, word: str, text: str) -> str:
    if operator in {"#", "##", "%", "%%"}:
        return _strip(value, operator, word) if len(value) <= _STRIPPED else text
    if operator in {"/", "//"}:
        return _replace(value, operator, word, text)
    if operator == ":":
        return _slice(value, word, text)
    return {"^^": value.upper(), ",,": value.lower()}.get(operator, text)


def _replace(value: str, operator: str, word: str, text: str) -> str:
    pattern, _, new = word.partition("/")
    if not pattern or any(one in pattern for one in "*?["):
        return text
    pattern = pattern.replace("\\", "")
    if value.count(pattern) * len(new) > LONGEST:
        return text
    return value.replace(pattern, new) if operator == "//" else value.replace(pattern, new, 1)


def _strip(value: str, operator: str, pattern: str) -> str:
    if len(value) > 4096 or len(pattern) > 256:  # noqa: PLR2004 - no path or version is longer
        return value
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
