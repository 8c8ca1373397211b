"""One vulnerability of one component, whoever told of it: what the sources agree on and where they differ.

Pure. Defender is the declared source of severity: where its report can be believed and it knows the severity, its word
counts, and the others' stand beside it. Where it does not know the vulnerability, every word that was said counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.model.finding import Finding, FindingSeverity
from gate.policy.proof import DEFENDER, obstacle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from gate.policy.evidence import Bar, FindingPolicy
    from gate.policy.rule import Case

_SEPARATORS = re.compile(r"[-_.]+")
_RANK = tuple(reversed(FindingSeverity))


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """What all sources say of it together.

    Attributes:
        ids: the first source's id first, then all others, sorted; compared without regard to case.
        component: as the first source names it; `version` likewise, as installed.
        told: every severity that was said, by source, the gravest of each.
        declared: the severities that count, the gravest first; one if Defender declared it.
        fixed_in: as the first source that knows a fix names them.
        fix_seen_at: the earliest time at which any source knew of a fix.
        exploited_since: the earliest day on which it was listed as exploited.
        in_base: every component that it is about lies in layers of a listed base.
    """

    ids: tuple[str, ...]
    component: str
    version: str
    told: Mapping[str, FindingSeverity]
    declared: tuple[FindingSeverity, ...]
    fixed_in: tuple[str, ...]
    fix_seen_at: datetime | None
    exploited_since: date | None
    malicious: bool
    in_base: bool

    @property
    def subject(self) -> str:
        """`component@version`, as results name it."""
        return f"{self.component}@{self.version}"

    @property
    def severity(self) -> FindingSeverity:
        """The gravest severity that counts."""
        return self.declared[0]

    @property
    def sources(self) -> str:
        """Who told of it."""
        return " and ".join(self.told)

    @property
    def beside(self) -> str:
        """What was said of its severity beside what counts, as `source: severity`; nothing if nobody differs."""
        return ", ".join(f"{name}: {said.value}" for name, said in self.told.items() if said is not self.severity)

    def bar(self, policy: FindingPolicy) -> Bar:
        """Return the bar that it is held to."""
        return policy.base if self.in_base and policy.base is not None else policy

    def blocking(self, policy: FindingPolicy) -> FindingSeverity | None:
        """Return the gravest of its severities that blocks by the bar, if one does."""
        return next((one for one in self.declared if one in self.bar(policy).block), None)


def vulnerabilities(case: Case) -> tuple[Vulnerability, ...]:
    """Return every vulnerability in the evidence, once a component and version, in the order in which it was told."""
    by_place: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for report in case.evidence.findings.reports:
        for finding in report.findings:
            place = (_plain(finding.component), finding.version)
            by_place.setdefault(place, []).append((report.source, finding))
    trusted, places = _declares(case), _base_places(case)
    return tuple(_one(group, places, trusted=trusted) for told in by_place.values() for group in _closed(told))


def _closed(told: Iterable[tuple[str, Finding]]) -> list[list[tuple[str, Finding]]]:
    """Put together what shares an id, over any number of steps."""
    groups: list[tuple[set[str], list[tuple[str, Finding]]]] = []
    for one in told:
        ids = {identifier.casefold() for identifier in one[1].ids}
        same = [group for group in groups if ids & group[0]]
        groups = [group for group in groups if not ids & group[0]]
        groups.append((ids.union(*(group[0] for group in same)), [*(each for group in same for each in group[1]), one]))
    return [group[1] for group in groups]


def _one(group: list[tuple[str, Finding]], places: Mapping[tuple[str, str], bool], *, trusted: bool) -> Vulnerability:
    first = group[0][1]
    told: dict[str, FindingSeverity] = {}
    for source, finding in group:
        told[source] = _gravest(finding.severity, told.get(source, finding.severity))
    findings = [finding for _, finding in group]
    others = {identifier for finding in findings for identifier in finding.ids} - set(first.ids[:1])
    return Vulnerability(
        ids=(*first.ids[:1], *sorted(others)),
        component=first.component,
        version=first.version,
        told=told,
        declared=_declared(told, trusted=trusted),
        fixed_in=next((finding.fixed_in for finding in findings if finding.fixed_in), ()),
        fix_seen_at=min((one.fix_seen_at for one in findings if one.fix_seen_at is not None), default=None),
        exploited_since=min((one.exploited_since for one in findings if one.exploited_since is not None), default=None),
        malicious=any(finding.malicious for finding in findings),
        in_base=all(_lies_in_base(finding, places) for finding in findings),
    )


def _declared(told: Mapping[str, FindingSeverity], *, trusted: bool) -> tuple[FindingSeverity, ...]:
    if trusted and told.get(DEFENDER, FindingSeverity.UNKNOWN) is not FindingSeverity.UNKNOWN:
        return (told[DEFENDER],)
    return tuple(sorted(set(told.values()), key=_RANK.index, reverse=True))


def _gravest(*severities: FindingSeverity) -> FindingSeverity:
    return max(severities, key=_RANK.index)


def _declares(case: Case) -> bool:
    """Say whether Defender's report can be believed: else its word must not make less of what another source says."""
    reports = [report for report in case.evidence.findings.reports if report.source == DEFENDER]
    return len(reports) == 1 and not obstacle(reports[0], case)


def _base_places(case: Case) -> dict[tuple[str, str], bool]:
    """Say of each name and version in the image whether all that has it lies in the base."""
    places: dict[tuple[str, str], bool] = {}
    for part in case.evidence.image.components:
        place = (_plain(part.name), part.version)
        places[place] = places.get(place, True) and part.in_base
    return places


def _lies_in_base(finding: Finding, places: Mapping[tuple[str, str], bool]) -> bool:
    """Say whether it lies in the base; what can't be told counts as the image's own."""
    if finding.in_base is not None:
        return finding.in_base
    return places.get((_plain(finding.component), finding.version), False)


def _plain(name: str) -> str:
    return _SEPARATORS.sub("-", name).casefold()
