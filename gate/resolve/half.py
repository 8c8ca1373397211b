"""What one resolver made of its share of a declaration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.model.origin import Origin
    from gate.model.reference import Problem
    from gate.model.resolution import ResolvedPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """Packages, what went wrong, who was asked, and the resolver's version."""

    packages: tuple[ResolvedPackage, ...] = ()
    problems: tuple[Problem, ...] = ()
    origins: tuple[Origin, ...] = ()
    tools: tuple[tuple[str, str], ...] = ()
