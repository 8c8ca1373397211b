"""Individual recommendations: one row a package to update, its CVEs as JSON text inside.

The shape of the container variant is published nowhere; it is put together from Microsoft's page on virtual machines
and from queries that others run in production. So what isn't understood is an error, never a row left out.
"""

from __future__ import annotations

from gate.findings.defender.model import (
    HEALTHY,
    RANK,
    Fields,
    Row,
    RowError,
    ids_of,
    latest,
    proves,
    severity_of,
    status_of,
    summary_of,
)
from gate.model.digest import is_digest
from gate.model.finding import Finding, FindingSeverity

CATEGORY = "SoftwareUpdate"
_GRAVE = frozenset({FindingSeverity.HIGH, FindingSeverity.CRITICAL})
_SCANNERS = ("mdvm", "agentlessmdvm")


def read_row(raw: object, *, path: str) -> Row:
    """Read one `microsoft.security/assessments` row of the category `SoftwareUpdate`.

    Raises:
        RowError: a part that the gate relies on is missing or of another shape.
    """
    row = Fields(raw, path)
    properties = row.inner("properties")
    metadata = properties.inner("metadata")
    if metadata.needed("recommendationCategory") != CATEGORY:
        message = f"`{metadata.path}.recommendationCategory` is not `{CATEGORY}`"
        raise RowError(message)
    image = properties.inner("resourceAdditionalData")
    digest = image.needed("Digest")
    if not is_digest(digest):
        message = f"`{properties.path}.resourceAdditionalData.Digest` is not a digest"
        raise RowError(message)
    said = properties.optional("status")
    status = status_of(said)
    seen_at = latest(
        properties.instant("timeGenerated"),
        said.instant("statusChangeDate"),
        image.instant("LastPushedToRegistryUTC"),
        image.optional("RepositoryDetails").instant("LastPushedToRegistryUTC"),
    )
    if status == HEALTHY:
        return Row(digest=digest, healthy=True, findings=(), seen_at=seen_at)
    findings = _findings(row, properties, metadata, status)
    return Row(digest=digest, healthy=False, findings=findings, seen_at=seen_at, proves=proves(status))


def _findings(row: Fields, properties: Fields, metadata: Fields, status: str) -> tuple[Finding, ...]:
    """Return one finding for each CVE on each detected version; a row without CVEs stands for itself."""
    details = properties.inner("additionalData")
    display = properties.text("displayName")
    component = details.text("SoftwareName") or display or row.needed("name")
    whole = severity_of(metadata.text("severity"))
    cves = details.items("CvesDetails")
    ids = [ids_of(cve.needed("CveId"), cve.texts("AdditionalIdentifiers")) for cve in cves]
    severities = _not_below(whole, [severity_of(cve.text("Severity")) for cve in cves])
    fixes = [cve.text("FixedVersion") for cve in cves]
    summaries = [summary_of(cve.text("Description"), display) for cve in cves]
    if not cves:
        ids, severities, fixes, summaries = [(row.needed("name"),)], [whole], [""], [summary_of(display)]
    return tuple(
        Finding(
            ids=ids[place],
            component=component,
            version=version,
            severity=severities[place],
            fixed_in=tuple(fix for fix in (fixes[place] or _fixed(details),) if fix),
            summary=summaries[place],
            status=status,
        )
        for place in range(len(ids))
        for version in _versions(details)
    )


def _not_below(whole: FindingSeverity, each: list[FindingSeverity]) -> list[FindingSeverity]:
    """Return the severities of the CVEs; where none is as grave as their row, the row's word counts.

    A row that is High and whose CVEs are all Low contradicts itself. A CVE of unknown severity is lifted to High and
    Critical alone: to take it for the Low of its row would make less of it than is known.
    """
    if any(RANK.index(one) >= RANK.index(whole) for one in each):
        return each
    return [whole if one is not FindingSeverity.UNKNOWN or whole in _GRAVE else one for one in each]


def _versions(details: Fields) -> tuple[str, ...]:
    """Return the versions found in the image, at least one entry: the empty text where none is told."""
    for holder in (details, *_scanners(details)):
        versions = holder.texts("DetectedSoftwareVersions")
        if versions:
            return tuple(sorted(set(versions)))
    return ("",)


def _fixed(details: Fields) -> str:
    return next((fix for holder in (details, *_scanners(details)) if (fix := holder.text("FixedVersion"))), "")


def _scanners(details: Fields) -> tuple[Fields, ...]:
    scanners = details.optional("ScannersDetails")
    return tuple(scanners.optional(name) for name in _SCANNERS)
