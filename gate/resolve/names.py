"""Version requirements in the one spelling that the resolver is given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from gate.model.reference import Reference

_CARET = re.compile(r"\^\s*(\d+(?:\.\d+)*)")
_TILDE = re.compile(r"~\s*(\d+(?:\.\d+)*)")
_BARE = re.compile(r"\d[\w.!+-]*")


def requirement_of(reference: Reference) -> Requirement:
    """Return the reference as a requirement (PEP 508), written anew from its parts: no address, no option.

    Raises:
        ValueError: its name, extras, specifier or marker can't be read.
    """
    requirement = Requirement(canonicalize_name(reference.name, validate=True))
    requirement.extras = {canonicalize_name(extra, validate=True) for extra in reference.extras}
    requirement.specifier = specifier_of(reference.spec)
    if reference.marker:
        requirement.marker = Requirement(f"x ; {reference.marker}").marker
    return requirement


def is_pinned(reference: Reference) -> bool:
    """Say whether a Python reference names exactly one version, or the very bytes."""
    if reference.hashes:
        return True
    try:
        specifiers = list(specifier_of(reference.spec))
    except ValueError:
        return False
    return any(one.operator in {"==", "==="} and not one.version.endswith("*") for one in specifiers)


def specifier_of(text: str) -> SpecifierSet:
    """Read a specifier as PEP 440 writes it, or as Poetry does (`^1.2`, `~1.2`, `1.2`).

    Raises:
        ValueError: it is neither.
    """
    parts = [part.strip() for part in text.strip().strip("()").split(",") if part.strip() not in {"", "*"}]
    return SpecifierSet(",".join(_plain(part) for part in parts))


def _plain(part: str) -> str:
    if match := _CARET.fullmatch(part):
        numbers = [int(number) for number in match[1].split(".")]
        first = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
        return f">={match[1]},<{_next(numbers, first)}"
    if match := _TILDE.fullmatch(part):
        numbers = [int(number) for number in match[1].split(".")]
        return f">={match[1]},<{_next(numbers, min(1, len(numbers) - 1))}"
    return f"=={part}" if _BARE.fullmatch(part) else part


def _next(numbers: list[int], place: int) -> str:
    return ".".join(str(number) for number in [*numbers[:place], numbers[place] + 1])
