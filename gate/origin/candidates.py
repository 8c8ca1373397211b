"""Which wheels of a version to compare an installed package with, the likeliest first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.tags import parse_tag

from gate.errors import InputError
from gate.index.wheel import parse_filename

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gate.index.project import IndexFile
    from gate.model.image import Component


_SAME = -2
_DASHES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A wheel; `same_tags` if the installed WHEEL file names exactly the tags of its file name."""

    file: IndexFile
    same_tags: bool


def ordered(component: Component, wheels: Iterable[IndexFile]) -> tuple[Candidate, ...]:
    """Order the wheels of the component's version. The installed tags are a claim: they order, they decide nothing."""
    installed = _spelled(component.facts.get("wheel_tags", ""))
    ranked = sorted((_rank(file, installed), file.filename, file) for file in wheels)
    return tuple(Candidate(file=file, same_tags=rank == _SAME) for rank, _, file in ranked)


def _rank(file: IndexFile, installed: frozenset[str]) -> int:
    """Return -2 for equal tags, -1 for some in common, else 0."""
    try:
        tags = frozenset(parse_filename(file.filename).tags)
    except InputError:
        return 0
    return _SAME if tags == installed else -bool(tags & installed)


def _spelled(text: str) -> frozenset[str]:
    """Spell tags out one by one: some builders write compressed sets into WHEEL."""
    entries = (entry for entry in re.split(r"[\s,]+", text) if entry.count("-") == _DASHES)
    return frozenset(str(tag) for entry in entries for tag in parse_tag(entry))
