"""Private names: which Python names are the organisation's own, and never asked of anybody else's index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def reserved(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return what says whether a Python name is private: equal to a pattern, or begins with one that ends in `*`."""
    stems = tuple((canonicalize_name(pattern.rstrip("*")), pattern.endswith("*")) for pattern in patterns)

    def matches(name: str) -> bool:
        normal = canonicalize_name(name)
        return any(normal == stem or (prefix and normal.startswith(stem)) for stem, prefix in stems)

    return matches
