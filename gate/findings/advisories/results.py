"""A vulnerability in pip-audit's terms: what its auditor is handed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.data.osv import parsed
from gate.findings.advisories.pip_audit_parts import VulnerabilityID, VulnerabilityResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.version import Version

    from gate.data.osv import Advisory


def result_of(ids: Iterable[str], records: Sequence[Advisory]) -> VulnerabilityResult:
    """Return one result under all ids, with every fix that can be ordered."""
    return VulnerabilityResult.create(
        ids=[VulnerabilityID(identifier) for identifier in sorted(ids)],
        description=next((record.summary for record in records if record.summary), "N/A"),
        fix_versions=sorted(set().union(*map(_fix_versions, records))),
        published=None,
    )


def _fix_versions(record: Advisory) -> set[Version]:
    fixes = (parsed(event.fixed) for item in record.ranges for event in item.events if event.fixed is not None)
    return {version for version in fixes if version is not None}
