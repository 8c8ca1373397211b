"""What people write: bounded, without secrets, without characters that would rewrite a terminal."""

from __future__ import annotations

from gate.exceptions.plain import plain
from gate.exceptions.refusals import Why, refusal

LONGEST = 2000
"""Most characters of a reason, comment or ticket."""

_FILLERS = frozenset({"asdf", "because", "foo", "n/a", "na", "needed", "none", "tbd", "test", "todo", "xxx"})
_LEAST = 3


def line(text: str) -> str:
    """Return the plain text, if it is not too long.

    Raises:
        WrongContentError: `reason_too_long`.
    """
    if len(text) > LONGEST:
        raise refusal(Why.REASON_TOO_LONG, limit=LONGEST)
    return plain(text)


def sentence(text: str) -> str:
    """Return the line if it says anything; a filler is no reason.

    Raises:
        WrongContentError: `reason_missing`, `reason_too_long`.
    """
    said = line(text)
    if not said:
        raise refusal(Why.REASON_MISSING, problem="it is blank")
    if sum(char.isalnum() for char in said) < _LEAST or said.strip(" .!?-").casefold() in _FILLERS:
        raise refusal(Why.REASON_MISSING, problem=f"`{said}` says nothing")
    return said
