"""One finding a vulnerability: advisories that name each other as aliases, closed over any number of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from packaging.version import Version

from gate.data.aliases import closed
from gate.data.osv import Advisory
from gate.findings.advisories.matching import Match, parsed
from gate.findings.cvss import base_score, rating
from gate.model.finding import Finding, FindingSeverity

UNDECIDED = "undecided"
"""`Finding.status` where the advisory's range can't be evaluated for the version: it may affect it."""

_MALICIOUS = "MAL-"
_GITHUB = "GHSA-"
_GITHUB_RATINGS: Mapping[str, FindingSeverity] = {
    "CRITICAL": FindingSeverity.CRITICAL,
    "HIGH": FindingSeverity.HIGH,
    "MODERATE": FindingSeverity.MEDIUM,
    "MEDIUM": FindingSeverity.MEDIUM,
    "LOW": FindingSeverity.LOW,
}
_RANK = (
    FindingSeverity.UNKNOWN,
    FindingSeverity.LOW,
    FindingSeverity.MEDIUM,
    FindingSeverity.HIGH,
    FindingSeverity.CRITICAL,
)


def closed_groups(advisories: Iterable[Advisory]) -> tuple[frozenset[str], ...]:
    """Return the sets of ids that name one vulnerability each: id and aliases, transitively; disjoint."""
    groups = closed((one.id, *one.aliases, *one.tied) for one in advisories)
    return tuple(dict.fromkeys(groups.values()))


def severity(advisory: Advisory) -> FindingSeverity:
    """Return the highest severity that the record states.

    From its CVSS v3 vectors; where a record of the GitHub database has none that can be computed, from the rating
    that this database gives with each of its reviewed records (it has to: many carry only a v4 vector). The same
    key in another database has no agreed meaning and is not read. Else `unknown`.
    """
    scores = [score for item in advisory.severity if (score := base_score(item.score)) is not None]
    if scores:
        return rating(max(scores))
    if advisory.id.startswith(_GITHUB):
        return _GITHUB_RATINGS.get(advisory.rating.upper(), FindingSeverity.UNKNOWN)
    return FindingSeverity.UNKNOWN


def finding(matched: Iterable[tuple[Advisory, Match]], ids: frozenset[str], *, component: str, version: str) -> Finding:
    """Make the one finding of a group. `matched` are its advisories that do or may affect the version."""
    hits = sorted(matched, key=lambda hit: priority(hit[0].id))
    first = hits[0][0]
    sure = any(answer is Match.AFFECTED for _, answer in hits)
    return Finding(
        ids=(first.id, *sorted(ids - {first.id})),
        component=component,
        version=version,
        severity=max((severity(advisory) for advisory, _ in hits), key=_RANK.index),
        fixed_in=_fixes((advisory for advisory, _ in hits), version),
        fix_seen_at=_known_by((advisory for advisory, _ in hits), version),
        malicious=any(identifier.upper().startswith(_MALICIOUS) for identifier in ids),
        summary=next((advisory.summary for advisory, _ in hits if advisory.summary), ""),
        status="" if sure else UNDECIDED,
    )


def priority(identifier: str) -> tuple[int, str]:
    """Order ids: malicious first, then as pip-audit does: PYSEC, CVE, the others."""
    prefixes = (_MALICIOUS, "PYSEC-", "CVE-")
    rank = next((place for place, prefix in enumerate(prefixes) if identifier.startswith(prefix)), len(prefixes))
    return rank, identifier


def _known_by(advisories: Iterable[Advisory], version: str) -> datetime | None:
    """Return when a fix was known at the latest: the earliest last change of a record that names one."""
    dates = (one.modified for one in advisories if one.modified is not None and _fixes([one], version))
    return min(dates, default=None)


def _fixes(advisories: Iterable[Advisory], version: str) -> tuple[str, ...]:
    """Return the versions that fix it and lie above the installed one, in order; unordered spellings last."""
    texts = {
        event.fixed
        for advisory in advisories
        for item in advisory.ranges
        for event in item.events
        if event.fixed is not None
    }
    installed = parsed(version)
    ordered: dict[Version, str] = {}
    unordered: list[str] = []
    for text in sorted(texts):
        at = parsed(text)
        if at is None:
            unordered.append(text)
        elif installed is None or at > installed:
            ordered[at] = text
    return (*(ordered[at] for at in sorted(ordered)), *unordered)
