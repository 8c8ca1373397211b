"""What the resolver may cost, and where this machine reaches the indexes. What is demanded of a set is policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gate.bounds import HttpBounds, ResolveBounds

__all__ = ["DEFAULT_PYTHON", "ResolveBounds", "ResolveConfig"]

DEFAULT_PYTHON = "3.11"
"""The Python of a set for which nobody stated one; every report says for which it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveConfig:
    """How this machine resolves; none of it comes from what is judged.

    Attributes:
        bounds: what it may cost.
        http: what one exchange with an index may cost.
        addresses: where this machine reaches a safelisted index or channel, by the name that policy gives it, if not
            where policy says: a proxy, an address with credentials.
        private_indexes: names of safelisted indexes that are the organisation's own: private names may be asked there.
        file_hosts: `host:port` beyond those that the indexes' pages name to which the files of packages may redirect.
        uv: the program; None for the one that comes with the Python package `uv`.
    """

    bounds: ResolveBounds = field(default_factory=ResolveBounds)
    http: HttpBounds = field(default_factory=HttpBounds)
    addresses: Mapping[str, str] = field(default_factory=dict)
    private_indexes: frozenset[str] = frozenset()
    file_hosts: tuple[str, ...] = ()
    uv: Path | None = None
