"""Grouped sub-assessments: one row a vulnerability. Retired in July 2026; some clouds may serve them still."""

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
from gate.model.finding import Finding

RESOURCE_TYPE = "AzureContainerRegistryVulnerability"


def read_row(raw: object, *, path: str) -> Row:
    """Read one `microsoft.security/assessments/subassessments` row about a container image.

    Raises:
        RowError: a part that the gate relies on is missing or of another shape.
    """
    row = Fields(raw, path)
    properties = row.inner("properties")
    details = properties.inner("additionalData")
    if details.needed("assessedResourceType") != RESOURCE_TYPE:
        message = f"`{details.path}.assessedResourceType` is not `{RESOURCE_TYPE}`"
        raise RowError(message)
    artifact = details.inner("artifactDetails")
    digest = artifact.needed("digest")
    if not is_digest(digest):
        message = f"`{details.path}.artifactDetails.digest` is not a digest"
        raise RowError(message)
    status = properties.optional("status")
    word = status_of(status)
    seen_at = latest(properties.instant("timeGenerated"), artifact.instant("lastPushedToRegistryUTC"))
    if word == HEALTHY:
        return Row(digest=digest, healthy=True, findings=(), seen_at=seen_at)
    found = (_finding(properties, details, status, word),)
    return Row(digest=digest, healthy=False, findings=found, seen_at=seen_at, proves=proves(word))


def _finding(properties: Fields, details: Fields, status: Fields, word: str) -> Finding:
    """Return the row's finding. Its severity stands in two places; where they differ the graver one counts."""
    vulnerability = details.inner("vulnerabilityDetails")
    software = details.inner("softwareDetails")
    severities = (severity_of(vulnerability.text("severity")), severity_of(status.text("severity")))
    first = vulnerability.text("cveId") or properties.needed("id")
    fixed = software.text("fixedVersion")
    return Finding(
        ids=ids_of(first, (properties.text("id"),)),
        component=software.needed("packageName"),
        version=software.text("version"),
        severity=max(severities, key=RANK.index),
        fixed_in=(fixed,) if fixed else (),
        summary=summary_of(properties.text("description"), properties.text("displayName")),
        status=word,
    )
