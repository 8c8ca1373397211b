"""Say whether an advisory affects a version, as the OSV format evaluates it, and when that can't be told."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from functools import cached_property

from packaging.utils import canonicalize_version
from packaging.version import Version

from gate.data.osv import Advisory, Event, Range, RangeType, parsed, spelt

EVERYTHING = "0"
"""OSV: `introduced: "0"` lies before every version; `0.dev0` is the first that PEP 440 knows."""
NO_LIMIT = "*"


class Match(StrEnum):
    """What holding one version against one advisory came to. Undecided is never taken for unaffected."""

    AFFECTED = "affected"
    UNAFFECTED = "unaffected"
    UNDECIDED = "undecided"


class Matcher:
    """Holds versions against one advisory. Everything that PEP 440 has to read is read once, at most."""

    def __init__(self, advisory: Advisory) -> None:
        """Read the advisory's ranges; the versions that it lists are taken apart where a range does not decide."""
        self._advisory = advisory
        self._ranges = tuple(_Prepared(item) for item in advisory.ranges)

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset([*self._advisory.listed.splitlines(), *map(spelt, self._advisory.versions)]) - {""}

    def match(self, version: Version) -> Match:
        """Hold a version against the advisory: listed, or inside one of the ranges.

        One with a local label is held against it with and without: the release is affected, or this very build.
        """
        public = released(version)
        answers = {item.match(public) for item in self._ranges}
        if version.local is not None:
            answers |= {item.match(version) for item in self._ranges}
        if Match.AFFECTED in answers or not self._listed.isdisjoint(map(canonicalize_version, (version, public))):
            return Match.AFFECTED
        return Match.UNDECIDED if self._advisory.unbounded or Match.UNDECIDED in answers else Match.UNAFFECTED


def match(advisory: Advisory, version: Version) -> Match:
    """Hold a version against an advisory: listed in `versions`, or inside one of the ranges."""
    return Matcher(advisory).match(version)


def released(version: Version) -> Version:
    """Drop a local label: `2.0.0+cu121` is the release 2.0.0 with another build (PEP 440)."""
    return version if version.local is None else Version(version.public)


class _Prepared:
    """The turns of one range, read and in order, as the format's evaluation algorithm walks them."""

    def __init__(self, item: Range) -> None:
        spelled = [turn for turn in map(_turn, item.events) if turn != (_Turn.LIMIT, NO_LIMIT)]
        turns = [(kind, _ordered(text, item.type)) for kind, text in spelled]
        known = [(at, kind) for kind, at in turns if at is not None]
        self._undecided = len(known) < len(turns)
        self._limits = () if len(turns) < len(item.events) else [at for at, kind in known if kind is _Turn.LIMIT]
        self._turns = sorted(known, key=lambda turn: (turn[0], turn[1]))

    def match(self, version: Version) -> Match:
        if self._undecided:
            return Match.UNDECIDED
        if self._limits and not any(version < limit for limit in self._limits):
            return Match.UNAFFECTED
        affected = False
        for at, kind in self._turns:
            if version < at:
                break
            if kind is _Turn.INTRODUCED:
                affected = True
            elif kind is _Turn.FIXED or (kind is _Turn.LAST_AFFECTED and version > at):
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


def _ordered(text: str, kind: RangeType) -> Version | None:
    """Return a turn's version, or None: what is a pre-release by its dash in semantic versions may be none here."""
    at = parsed(text)
    if kind is RangeType.SEMVER and "-" in text and at is not None and not at.is_prerelease:
        return None
    return at


def _turn(event: Event) -> tuple[_Turn, str]:
    if event.introduced is not None:
        return _Turn.INTRODUCED, "0.dev0" if event.introduced == EVERYTHING else event.introduced
    if event.fixed is not None:
        return _Turn.FIXED, event.fixed
    if event.last_affected is not None:
        return _Turn.LAST_AFFECTED, event.last_affected
    return _Turn.LIMIT, event.limit or ""
