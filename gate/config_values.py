"""Single values of the settings: numbers, switches and groups of bounds; each wrong one is refused by its key."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from gate.bounds import (
    CondaBounds,
    DataBounds,
    DefenderBounds,
    DefinitionBounds,
    HttpBounds,
    ImageBounds,
    ResolveBounds,
    ServiceBounds,
    StorageBounds,
    WheelBounds,
)
from gate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOUND = "GATE_BOUND_"
_GROUPS = ("DEFINITION", "IMAGE", "HTTP", "DATA", "WHEEL", "STORAGE", "SERVICE", "RESOLVE", "DEFENDER", "CONDA")
_LONGEST_NUMBER = 18
_Bounds = TypeVar(
    "_Bounds",
    DefinitionBounds,
    ImageBounds,
    HttpBounds,
    DataBounds,
    WheelBounds,
    StorageBounds,
    ServiceBounds,
    ResolveBounds,
    DefenderBounds,
    CondaBounds,
)


def number(environ: Mapping[str, str], key: str, default: float) -> float:
    """Return a number above zero, or the default where none is set."""
    text = environ.get(key, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise refused(key, text, "a number above zero")
    return value


def whole(environ: Mapping[str, str], key: str, default: int) -> int:
    """Return a whole number above zero, or the default where none is set."""
    text = environ.get(key, "")
    if not text:
        return default
    # A bound of half a try would be none at all, and digits of other scripts or `1_0` are nobody's intent.
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text)):
        raise refused(key, text, "a whole number above zero")
    return int(text)


def switch(environ: Mapping[str, str], key: str) -> bool:
    """Say whether a switch is on; it is off where nothing is set."""
    text = environ.get(key, "")
    if text not in {"", "0", "1"}:
        raise refused(key, text, "`0` or `1`")
    return text == "1"


def refused(key: str, text: str, wanted: str) -> UsageError:
    """Return the error of a value that can't be read."""
    message = f"`{key}` must be {wanted}, not `{text[:40]}`"
    return UsageError(message, code="config_invalid", hint="unset it to use the default")


def refuse_unknown_groups(environ: Mapping[str, str]) -> None:
    """Refuse a bound of a group that nobody has: a typo would leave the default."""
    prefixes = tuple(f"{_BOUND}{group}_" for group in _GROUPS)
    for key in sorted(environ):
        if key.startswith(_BOUND) and not key.startswith(prefixes):
            message = f"there is no group of bounds for `{key[:80]}`"
            raise UsageError(message, code="config_unknown", hint=f"known: {', '.join(f'{p}…' for p in prefixes)}")


def bounds(environ: Mapping[str, str], group: str, default: _Bounds) -> _Bounds:
    """Return a group of bounds with what is set in place of the defaults."""
    prefix = f"{_BOUND}{group}_"
    known = {field.name: getattr(default, field.name) for field in fields(default)}
    values: dict[str, float] = {}
    for key in sorted(environ):
        if not key.startswith(prefix):
            continue
        name = key.removeprefix(prefix).lower()
        if name not in known or key != prefix + name.upper():
            message = f"there is no bound `{name[:80]}`"
            raise UsageError(message, code="config_unknown", hint=f"known: {', '.join(sorted(known))}", key=key)
        standing = known[name]
        read = whole if isinstance(standing, int) else number
        values[name] = read(environ, key, standing)
    return replace(default, **values)  # type: ignore[arg-type]  # each value went through its field's own type
