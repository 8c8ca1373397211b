"""What BuildKit's parser can take: refused here is what it would not be done with in time.

Measured with the `dockerfile` package 3.4: its time grows with the square of the length of a word, of the lines of a
here-document and of `ONBUILD` inside `ONBUILD`, and with the cube of the depth of variables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.environment.text import Text

MOST_LINES = 20_000
MOST_ONBUILD = 200
DEEPEST = 100
LONGEST = 24_576
"""Bytes of one instruction; several long ones count together, each by its square. Real ones have two thousand."""

_ONBUILD = re.compile(r"(?i)onbuild")
_BRACES = re.compile(r"\$\{|\}")


def too_much(text: Text) -> tuple[str, str] | None:
    """Return the code and the message of the bound that a Dockerfile breaks; None for every sound file."""
    if len(text.lines) > MOST_LINES:
        return "script_too_long", f"more than {MOST_LINES} lines"
    if _weight(text) > LONGEST**2:
        return "script_too_long", f"instructions of more than {LONGEST} bytes"
    if len(_ONBUILD.findall(text.content)) > MOST_ONBUILD:
        return "dockerfile_invalid", f"more than {MOST_ONBUILD} times `ONBUILD`"
    if _depth(text) > DEEPEST:
        return "dockerfile_invalid", f"variables nested deeper than {DEEPEST}"
    return None


def _weight(text: Text) -> int:
    weight = length = 0
    for line in text.lines:
        length += len(line.encode("utf-8", "replace"))
        # Whatever the file names as its escape character: too long a line is counted, not too short a one.
        if not line.rstrip().endswith(("\\", "`")):
            weight += length**2
            length = 0
    return weight + length**2


def _depth(text: Text) -> int:
    depth = deepest = 0
    for brace in _BRACES.findall(text.content):
        depth = max(0, depth + (1 if brace == "${" else -1))
        deepest = max(deepest, depth)
    return deepest
