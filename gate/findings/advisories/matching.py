"""Say whether an advisory affects a version, as the OSV format evaluates it, and when that can't be told."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from functools import lru_cache

from packaging.version import InvalidVersion, Version

from gate.data.osv import Advisory, Event, Range

EVERYTHING = "0"
"""OSV: `introduced: "0"` lies before every version; `0.dev0` is the first that PEP 440 knows."""
NO_LIMIT = "*"
VERSION_CHARACTERS = 256
"""Python refuses to turn more than 4,300 digits into a number; a judged image may hold such a version."""


class Match(StrEnum):
    """What holding one version against one advisory came to. Undecided is never taken for unaffected."""

    AFFECTED = "affected"
    UNAFFECTED = "unaffected"
    UNDECIDED = "undecided"


@lru_cache(maxsize=65_536)
def parsed(version: str) -> Version | None:
    """Return the PEP 440 version, or None: legacy spellings and endless numbers have no agreed order."""
    if len(version) > VERSION_CHARACTERS:
        return None
    try:
        return Version(version)
    except InvalidVersion:
        return None


def match(advisory: Advisory, version: Version) -> Match:
    """Hold a version against an advisory: listed in `versions`, or inside one of the ranges.

    A local label is dropped first: `2.0.0+cu121` is the release 2.0.0 with another build (PEP 440).
    """
    public = Version(version.public)
    if any(parsed(listed) == public for listed in advisory.versions):
        return Match.AFFECTED
    answers = {_in_range(item, public) for item in advisory.ranges}
    if Match.AFFECTED in answers:
        return Match.AFFECTED
    if Match.UNDECIDED in answers or advisory.unbounded:
        return Match.UNDECIDED
    return Match.UNAFFECTED


def _in_range(item: Range, version: Version) -> Match:
    """Walk the turns of a range in order, as the format's evaluation algorithm does."""
    turns = [(kind, parsed(text)) for kind, text in map(_turn, item.events) if text != NO_LIMIT]
    known = [(at, kind) for kind, at in turns if at is not None]
    if len(known) < len(turns):
        return Match.UNDECIDED
    limits = [at for at, kind in known if kind is _Turn.LIMIT]
    unlimited = len(turns) < len(item.events)
    if limits and not unlimited and not any(version < limit for limit in limits):
        return Match.UNAFFECTED
    affected = False
    for at, kind in sorted(known, key=lambda turn: (turn[0], turn[1])):
        if kind is _Turn.INTRODUCED and version >= at:
            affected = True
        elif (kind is _Turn.FIXED and version >= at) or (kind is _Turn.LAST_AFFECTED and version > at):
            affected = False
    return Match.AFFECTED if affected else Match.UNAFFECTED


class _Turn(IntEnum):
    """The kinds of events, in the order in which those at one version are walked: the later one wins.

    A version at which one range ends and the next begins is affected; one that is the first and the last is, too.
    """

    FIXED = 0
    INTRODUCED = 1
    LAST_AFFECTED = 2
    LIMIT = 3


def _turn(event: Event) -> tuple[_Turn, str]:
    if event.introduced is not None:
        return _Turn.INTRODUCED, "0.dev0" if event.introduced == EVERYTHING else event.introduced
    if event.fixed is not None:
        return _Turn.FIXED, event.fixed
    if event.last_affected is not None:
        return _Turn.LAST_AFFECTED, event.last_affected
    return _Turn.LIMIT, event.limit or ""
