"""What imported advisories say of names, read once and shared for as long as the same snapshot is in use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gate.data.osv import Advisory
from gate.findings.advisories.grouping import closed_groups
from gate.findings.advisories.matching import Match, Matcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from packaging.version import Version

    from gate.data.interface import ReferenceData
    from gate.model.finding import DataSnapshot

MOST_NAMES = 50_000
"""Most names kept at once; beyond them reading begins anew. All of PyPI's advisories name fewer."""


class KnownName:
    """Every advisory about one name, ready to be held against versions."""

    def __init__(self, advisories: Iterable[Advisory]) -> None:
        """Read what matching needs of each."""
        self.advisories = tuple(advisories)
        self._matchers = {id(one): Matcher(one) for one in self.advisories}

    def live(self, now: datetime) -> tuple[Advisory, ...]:
        """Return the advisories that are not withdrawn by `now`."""
        return tuple(one for one in self.advisories if one.withdrawn is None or one.withdrawn > now)

    def groups(self, now: datetime) -> tuple[frozenset[str], ...]:
        """Return the sets of ids that name one vulnerability each, of the live advisories alone."""
        live = self.live(now)
        return self._all_groups if len(live) == len(self.advisories) else closed_groups(live)

    def hits(self, version: Version, now: datetime) -> tuple[tuple[Advisory, Match], ...]:
        """Return the live advisories that do or may affect a version."""
        answers = ((one, self._matchers[id(one)].match(version)) for one in self.live(now))
        return tuple(pair for pair in answers if pair[1] is not Match.UNAFFECTED)

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
