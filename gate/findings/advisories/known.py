"""What imported advisories say of names, read once and shared for as long as the same snapshot is in use."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from gate.data.osv import Advisory
from gate.findings.advisories.grouping import closed_groups, finding
from gate.findings.advisories.matching import Match, Matcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from packaging.version import Version

    from gate.data.interface import ReferenceData
    from gate.findings.advisories.pip_audit_parts import VulnerabilityResult
    from gate.model.finding import DataSnapshot, Finding

MOST_NAMES = 50_000
"""Most names kept at once; beyond them reading begins anew. All of PyPI's advisories name fewer."""

MOST_VERSIONS = 100
"""Versions of one name of which what was told is kept; beyond them keeping begins anew."""


@dataclass(frozen=True, kw_only=True)
class Vulnerability:
    """One vulnerability that affects a version: every id it has, and the live records that say so.

    What is made of it is made once and kept, for the same packages come again with the next image.
    """

    ids: frozenset[str]
    hits: tuple[tuple[Advisory, Match], ...]
    _findings: dict[tuple[str, str], Finding] = field(default_factory=dict, compare=False, repr=False)

    def finding(self, *, component: str, version: str) -> Finding:
        """Return the one finding of it on a package, whose version is named as it is installed."""
        if (component, version) not in self._findings:
            self._findings[component, version] = finding(self.hits, self.ids, component=component, version=version)
        return self._findings[component, version]

    @cached_property
    def result(self) -> VulnerabilityResult:
        """Return it in pip-audit's terms, under all its ids."""
        from gate.findings.advisories.results import result_of  # noqa: PLC0415 - importing pip-audit takes 0.4 s

        return result_of(self.ids, [record for record, _ in self.hits])


class KnownName:
    """Every advisory about one name, ready to be held against versions."""

    def __init__(self, advisories: Iterable[Advisory]) -> None:
        """Read what matching needs of each."""
        self.advisories = tuple(advisories)
        self._matchers = {id(one): Matcher(one) for one in self.advisories}
        self._told: dict[tuple[Version, int], tuple[Vulnerability, ...]] = {}

    def live(self, now: datetime) -> tuple[Advisory, ...]:
        """Return the advisories that are not withdrawn by `now`."""
        return tuple(one for one in self.advisories if one.withdrawn is None or one.withdrawn > now)

    def vulnerabilities(self, version: Version, now: datetime) -> tuple[Vulnerability, ...]:
        """Return what the live advisories say that does or may affect a version, one a closed group of ids.

        What was told of a version is kept. Of two instants with the same number of live advisories, the same ones are
        live: a withdrawal never ends.
        """
        live = self.live(now)
        asked = (version, len(live))
        if asked not in self._told:
            if len(self._told) >= MOST_VERSIONS:
                self._told.clear()
            self._told[asked] = self._asked(version, live)
        return self._told[asked]

    def _asked(self, version: Version, live: tuple[Advisory, ...]) -> tuple[Vulnerability, ...]:
        answers = ((one, self._matchers[id(one)].match(version)) for one in live)
        by_id: dict[str, list[tuple[Advisory, Match]]] = {}
        for hit in answers:
            if hit[1] is not Match.UNAFFECTED:
                by_id.setdefault(hit[0].id, []).append(hit)
        if not by_id:
            return ()
        groups = self._all_groups if len(live) == len(self.advisories) else closed_groups(live)
        return tuple(
            Vulnerability(ids=ids, hits=tuple(hit for each in sorted(ids & by_id.keys()) for hit in by_id[each]))
            for ids in groups
            if not ids.isdisjoint(by_id)
        )

    @cached_property
    def _all_groups(self) -> tuple[frozenset[str], ...]:
        return closed_groups(self.advisories)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    digest: str
    names: dict[str, KnownName]


class KnownAdvisories:
    """Looks names up in a snapshot. What was read of one digest is kept until another digest is asked for.

    Bytes of one digest never change, so that what was read of them is as good as reading them again. Threads may
    share it: each works on the digest that it asked for.
    """

    def __init__(self, data: ReferenceData) -> None:
        """Keep where reference data lies; nothing is read yet."""
        self.data = data
        self._read = _Read(digest="", names={})

    def of(self, snapshot: DataSnapshot, names: Iterable[str]) -> Mapping[str, KnownName]:
        """Return what the snapshot says of each name; a name without an advisory has none, and is in the answer.

        Raises:
            NotFoundError: the snapshot is not kept.
            StoreError: the storage failed.
            ValidationError: a stored record can't be read.
        """
        read = self._read
        if read.digest != snapshot.digest or len(read.names) > MOST_NAMES:
            read = _Read(digest=snapshot.digest, names={})
            self._read = read
        wanted = sorted(set(names))
        unread = [name for name in wanted if name not in read.names]
        if unread:
            records = self.data.lookup(snapshot.kind, snapshot.digest, unread)
            for name in unread:
                read.names[name] = KnownName(Advisory.parse(record) for record in records[name])
        return {name: read.names[name] for name in wanted}
