"""One finding a vulnerability: advisories that name each other as aliases, closed over any number of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter

from packaging.version import Version

from gate.data.aliases import closed
from gate.data.osv import Advisory, parsed
from gate.findings.advisories.matching import Match
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
    installed = parsed(version)
    fixes = [(advisory, _fixes(advisory, installed)) for advisory, _ in hits]
    return Finding(
        ids=(first.id, *sorted(ids - {first.id})),
        component=component,
        version=version,
        severity=max((severity(advisory) for advisory, _ in hits), key=_RANK.index),
        fixed_in=_in_order(fixed for _, fixed in fixes),
        # A fix was known at the latest when a record that names one was last changed.
        fix_seen_at=min((one.modified for one, fixed in fixes if fixed and one.modified is not None), default=None),
        malicious=any(identifier.upper().startswith(_MALICIOUS) for identifier in ids),
        summary=next((advisory.summary for advisory, _ in hits if advisory.summary), ""),
        status="" if any(answer is Match.AFFECTED for _, answer in hits) else UNDECIDED,
    )


def priority(identifier: str) -> tuple[int, str]:
    """Order ids: malicious first, then as pip-audit does: PYSEC, CVE, the others."""
    prefixes = (_MALICIOUS, "PYSEC-", "CVE-")
    rank = next((place for place, prefix in enumerate(prefixes) if identifier.startswith(prefix)), len(prefixes))
    return rank, identifier


def _fixes(advisory: Advisory, installed: Version | None) -> dict[str, Version | None]:
    """Return the versions that fix it and lie above the installed one; a spelling without an order has no version."""
    texts = {event.fixed for item in advisory.ranges for event in item.events if event.fixed is not None}
    ordered = {text: parsed(text) for text in texts}
    return {text: at for text, at in ordered.items() if at is None or installed is None or at > installed}


def _in_order(fixes: Iterable[Mapping[str, Version | None]]) -> tuple[str, ...]:
    """Return each version once, in order; unordered spellings last."""
    every = {text: at for fixed in fixes for text, at in fixed.items()}
    ordered = {at: text for text, at in sorted(every.items(), key=itemgetter(0)) if at is not None}
    return (*(ordered[at] for at in sorted(ordered)), *sorted(text for text, at in every.items() if at is None))
