"""Rows as Defender answers them.

`grouped_row`: from documentation: the sample of Microsoft's page `subassessment-rest-api`, its names and digest
replaced, its contradictions kept (a fix is available, and no fixed version is named; the status is Exempt).
`individual_row`: reconstructed: no sample of the container variant is published; put together from the fields that
Microsoft's page on virtual machines names and that others query in production. Nothing here was captured.
"""

from __future__ import annotations

import json
from typing import Any

from findings.findings_world import SUBJECT

Row = dict[str, Any]


def cve(identifier: str = "CVE-2026-0001", **changes: object) -> Row:
    """Return one entry of `CvesDetails`."""
    made: Row = {
        "CveId": identifier,
        "AdditionalIdentifiers": [],
        "Description": "an example that reads too far",
        "Severity": "High",
        "FixStatus": "FixAvailable",
        "FixedVersion": "4.18.0",
        "Cvss": [
            {"Key": "3.1", "Value": {"Base": 7.5, "CvssVectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}}
        ],
        "PublishedDate": "2026-05-01T00:00:00Z",
        "ExploitabilityDetails": {"IsInExploitKit": False},
    }
    return {**made, **changes}


def individual_row(
    *cves: Row, digest: str = SUBJECT, severity: str = "High", status: Row | None = None, **details: object
) -> Row:
    """Return an individual recommendation; `details` change `additionalData`. Without CVEs it has one."""
    additional: Row = {
        "SoftwareName": "lodash",
        "Language": "javascript",
        "PackageType": "Language",
        "MaxCvssScore": "7.5",
        "FixedVersion": "4.18.0",
        "ScannersDetails": json.dumps({"mdvm": {"DetectedSoftwareVersions": ["4.17.1"], "FixedVersion": "4.18.0"}}),
        "CvesDetails": json.dumps(list(cves) or [cve()]),
    }
    additional.update(details)
    return {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Security/assessments/0d1e",
        "name": "0d1e",
        "type": "microsoft.security/assessments",
        "properties": {
            "displayName": "Update lodash",
            "resourceDetails": {
                "Source": "Azure",
                "ResourceType": ".containerimage",
                "ResourceName": "app",
                "Id": f"/x/repositories-team-app-images-{digest}",
            },
            "status": {"code": "Unhealthy"} if status is None else status,
            "metadata": {"severity": severity, "recommendationCategory": "SoftwareUpdate"},
            "resourceAdditionalData": json.dumps(
                {"Digest": digest, "RepositoryDetails": {"RepositoryName": "team/app"}}
            ),
            "additionalData": additional,
        },
    }


def grouped_row(*, digest: str = SUBJECT, severity: str = "High", status: Row | None = None, **software: object) -> Row:
    """Return a grouped sub-assessment; `software` changes `softwareDetails`."""
    exempt = {
        "description": "Disabled parent assessment",
        "severity": severity,
        "code": "NotApplicable",
        "cause": "Exempt",
    }
    return {
        "id": "/subscriptions/s/providers/Microsoft.Security/assessments/c0b7cfc6/subassessments/1",
        "name": "1",
        "type": "microsoft.security/assessments/subassessments",
        "tenantId": "t",
        "sku": None,
        "properties": {
            "id": "CVE-2022-42969",
            "additionalData": {
                "assessedResourceType": "AzureContainerRegistryVulnerability",
                "vulnerabilityDetails": {
                    "severity": severity,
                    "lastModifiedDate": "2023-09-12T00:00:00Z",
                    "cveId": "CVE-2022-42969",
                    "cvss": {
                        "2.0": None,
                        "3.0": {"cvssVectorString": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "base": 7.5},
                    },
                },
                "artifactDetails": {
                    "lastPushedToRegistryUTC": "2023-09-04T16:05:32.8223098Z",
                    "repositoryName": "team/app",
                    "digest": digest,
                    "tags": ["stale"],
                },
                "softwareDetails": {
                    "category": "Language",
                    "language": "python",
                    "fixedVersion": "",
                    "version": "1.11.0.0",
                    "packageName": "py",
                    "fixStatus": "FixAvailable",
                    **software,
                },
                "cvssV30Score": 7.5,
            },
            "description": "This vulnerability affects the following vendors: Pytest.",
            "displayName": "CVE-2022-42969",
            "timeGenerated": "2023-09-12T13:36:15.0772799Z",
            "status": exempt if status is None else status,
        },
    }


def put(row: Row, path: str, value: object) -> Row:
    """Return the row with one part replaced; `...` takes it out."""
    copy: Row = json.loads(json.dumps(row))
    place: Any = copy
    *parents, last = path.split(".")
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy
