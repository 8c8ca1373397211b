"""Defender's rows are read whole: what is unknown stays unknown, what is odd is an error, and no row is left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from findings.defender_rows import Row as Raw
from findings.defender_rows import cve, grouped_row, individual_row, put
from findings.findings_world import SUBJECT

from gate.findings.defender import grouped, individual
from gate.findings.defender.model import Fields, Row, RowError, severity_of
from gate.model.finding import FindingSeverity

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: dict[str, tuple[Callable[..., Row], Callable[..., Raw]]] = {
    "individual": (individual.read_row, individual_row),
    "grouped": (grouped.read_row, grouped_row),
}


def read(*cves: Raw, **changes: Any) -> Row:
    return individual.read_row(individual_row(*cves, **changes), path="rows[0]")


def severities(row: Row) -> list[str]:
    return [found.severity.value for found in row.findings]


def test_an_individual_row_is_one_finding_for_each_cve_and_version() -> None:
    versions = json.dumps({"mdvm": {"DetectedSoftwareVersions": ["4.17.1", "4.16.0", "4.17.1"]}})
    row = read(cve("CVE-1"), cve("CVE-2", AdditionalIdentifiers=["GHSA-2", "CVE-2"]), ScannersDetails=versions)
    assert row.digest == SUBJECT
    assert [(found.ids, found.version) for found in row.findings] == [
        (("CVE-1",), "4.16.0"),
        (("CVE-1",), "4.17.1"),
        (("CVE-2", "GHSA-2"), "4.16.0"),
        (("CVE-2", "GHSA-2"), "4.17.1"),
    ]
    assert {found.component for found in row.findings} == {"lodash"}
    assert row.findings[0].fixed_in == ("4.18.0",)
    assert row.findings[0].status == "Unhealthy"
    assert row.findings[0].summary == "an example that reads too far"


def test_parts_may_come_as_objects_instead_of_text() -> None:
    row = individual_row()
    for part in ("resourceAdditionalData", "additionalData"):
        value = row["properties"][part]
        row["properties"][part] = json.loads(value) if isinstance(value, str) else json.dumps(value)
    assert individual.read_row(row, path="r").findings == read().findings


def test_keys_are_read_in_any_case_and_not_twice() -> None:
    row = json.loads(json.dumps(individual_row()).replace("recommendationCategory", "RecommendationCategory"))
    assert individual.read_row(row, path="r").findings == read().findings
    with pytest.raises(RowError, match="twice"):
        Fields({"Digest": 1, "digest": 2}, "x")


@pytest.mark.parametrize("scanner", ["mdvm", "agentlessmdvm", "MDVM"])
def test_versions_are_found_where_either_scanner_puts_them(scanner: str) -> None:
    details = json.dumps({scanner: {"DetectedSoftwareVersions": ["1.0"], "FixedVersion": "2.0"}})
    (found,) = read(cve(FixedVersion=""), ScannersDetails=details, FixedVersion="").findings
    assert (found.version, found.fixed_in) == ("1.0", ("2.0",))


@pytest.mark.parametrize("versions", [["1.0", "2.0"], '["1.0", "2.0"]', "1.0"])
def test_versions_may_stand_beside_the_package_as_list_or_text(versions: object) -> None:
    assert read(DetectedSoftwareVersions=versions).findings[0].version == "1.0"


@pytest.mark.parametrize("scanners", [None, "", "{}", '{"mdvm": null}', '{"mdvm": {"DetectedSoftwareVersions": []}}'])
def test_a_package_without_a_version_is_still_a_finding(scanners: object) -> None:
    (found,) = read(cve(FixedVersion=None), ScannersDetails=scanners, FixedVersion=None).findings
    assert (found.version, found.fixed_in) == ("", ())


@pytest.mark.parametrize("details", ["[]", [], None, "", "  "])
def test_a_row_without_cves_stands_for_itself(details: object) -> None:
    (found,) = read(CvesDetails=details).findings
    assert (found.ids, found.severity.value, found.summary) == (("0d1e",), "high", "Update lodash")


@pytest.mark.parametrize(
    "details",
    [
        "[{'CveId': 'CVE-1', 'Severity': None}]",
        '[{"CveId": "CVE-1"',
        '{"CveId": "CVE-1"}',
        "7",
        7,
        [7],
        [[]],
        "[null]",
        "[" * 99999,
    ],
)
def test_details_of_another_shape_are_an_error_and_not_no_cves(details: object) -> None:
    """The first is what the SDK's typed model makes of the list."""
    with pytest.raises(RowError, match="CvesDetails"):
        read(CvesDetails=details)


@pytest.mark.parametrize(
    "half", [cve("CVE-\ud800"), cve(AdditionalIdentifiers=["\udfff"]), cve(Description="\udc00 x")]
)
def test_half_a_character_is_an_error_and_no_crash_later(half: Raw) -> None:
    with pytest.raises(RowError, match="half a character"):
        read(half)


def test_a_cve_without_an_id_is_an_error() -> None:
    with pytest.raises(RowError, match="CveId"):
        read(cve(CveId=None))


@pytest.mark.parametrize("word", ["Unknown", "", None, "None", "Severe", "Important"])
@pytest.mark.parametrize("whole", ["Low", "Medium", "Unknown", ""])
def test_a_severity_that_is_unknown_stays_unknown(word: object, whole: str) -> None:
    assert severities(read(cve(Severity=word, Cvss=None), severity=whole)) == ["unknown"]


@pytest.mark.parametrize("whole", ["High", "Critical"])
def test_an_unknown_cve_of_a_grave_row_is_as_grave(whole: str) -> None:
    assert severities(read(cve(Severity="Unknown"), severity=whole)) == [whole.lower()]


def test_critical_is_a_severity() -> None:
    assert severity_of("Critical") is FindingSeverity.CRITICAL
    assert severities(read(cve(Severity="Critical"), severity="High")) == ["critical"]


def test_a_row_that_is_graver_than_all_its_cves_counts() -> None:
    assert severities(read(cve(Severity="Low"), cve("CVE-2", Severity="Medium"), severity="High")) == ["high", "high"]
    assert severities(read(cve(Severity="Low"), cve("CVE-2", Severity="High"), severity="High")) == ["low", "high"]


@pytest.mark.parametrize("cvss", [None, [], "", [{"Key": "2.0", "Value": None}]])
def test_no_cvss_is_no_obstacle(cvss: object) -> None:
    assert severities(read(cve(Cvss=cvss))) == ["high"]


@pytest.mark.parametrize("model", READERS)
@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({"code": "Unhealthy"}, "Unhealthy"),
        (
            {"code": "NotApplicable", "cause": "Exempt", "description": "Disabled parent assessment"},
            "NotApplicable/Exempt",
        ),
        ({"code": "NotApplicable"}, "NotApplicable"),
        ({"code": "Healthy", "cause": "Exempt"}, "Healthy/Exempt"),
        ({"code": "healthy"}, "healthy"),
        ({"code": "SomethingNew"}, "SomethingNew"),
        ({}, ""),
    ],
)
def test_a_status_other_than_healthy_switches_no_finding_off(model: str, status: Raw, word: str) -> None:
    reader, builder = READERS[model]
    row = reader(builder(status=status), path="r")
    assert not row.healthy
    assert [found.status for found in row.findings] == [word]


@pytest.mark.parametrize("model", READERS)
def test_a_healthy_row_proves_a_look_and_is_no_finding(model: str) -> None:
    reader, builder = READERS[model]
    row = reader(builder(status={"code": "Healthy"}), path="r")
    assert (row.healthy, row.findings, row.digest) == (True, (), SUBJECT)


@pytest.mark.parametrize("model", READERS)
def test_a_row_without_a_status_is_a_finding(model: str) -> None:
    reader, builder = READERS[model]
    assert reader(put(builder(), "properties.status", None), path="r").findings


@pytest.mark.parametrize("model", READERS)
@pytest.mark.parametrize("digest", ["", "latest", "sha256:short", "sha256:" + "A" * 64, "sha512:" + "5" * 64])
def test_a_row_that_is_bound_to_no_digest_is_an_error(model: str, digest: str) -> None:
    reader, builder = READERS[model]
    with pytest.raises(RowError, match=r"(?i)digest"):
        reader(builder(digest=digest), path="r")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties", ...),
        ("properties", []),
        ("properties.metadata", ...),
        ("properties.metadata.recommendationCategory", "ServiceUpgrade"),
        ("properties.metadata.recommendationCategory", ...),
        ("properties.metadata.severity", 3),
        ("properties.resourceAdditionalData", ...),
        ("properties.resourceAdditionalData", ""),
        ("properties.resourceAdditionalData", "{'Digest': 'x'}"),
        ("properties.additionalData", None),
        ("properties.additionalData.ScannersDetails", "[]"),
        ("properties.additionalData.DetectedSoftwareVersions", [1]),
        ("properties.additionalData.DetectedSoftwareVersions", {"a": 1}),
        ("properties.status", "Unhealthy"),
    ],
)
def test_an_individual_row_of_another_shape_is_an_error(path: str, value: object) -> None:
    with pytest.raises(RowError):
        individual.read_row(put(individual_row(), path, value), path="r")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties", None),
        ("properties.additionalData", {}),
        ("properties.additionalData.assessedResourceType", "ContainerRegistryVulnerability"),
        ("properties.additionalData.assessedResourceType", "SqlServerVulnerability"),
        ("properties.additionalData.artifactDetails", ...),
        ("properties.additionalData.vulnerabilityDetails", ...),
        ("properties.additionalData.softwareDetails", ...),
        ("properties.additionalData.softwareDetails.packageName", ""),
        ("properties.additionalData.vulnerabilityDetails.severity", ["High"]),
    ],
)
def test_a_grouped_row_of_another_shape_is_an_error(path: str, value: object) -> None:
    with pytest.raises(RowError):
        grouped.read_row(put(grouped_row(), path, value), path="r")


@pytest.mark.parametrize("raw", [None, [], "row", 7])
@pytest.mark.parametrize("model", READERS)
def test_what_is_no_row_is_an_error(model: str, raw: object) -> None:
    with pytest.raises(RowError, match="not an object"):
        READERS[model][0](raw, path="rows[3]")


def test_a_grouped_row_is_read_with_its_contradictions() -> None:
    """The documented sample: a fix is available, no fixed version is named, and somebody switched the rule off."""
    (found,) = grouped.read_row(grouped_row(), path="r").findings
    assert found.ids == ("CVE-2022-42969",)
    assert (found.component, found.version, found.fixed_in) == ("py", "1.11.0.0", ())
    assert (found.severity.value, found.status) == ("high", "NotApplicable/Exempt")


def test_a_grouped_row_of_an_operating_systems_package_is_read() -> None:
    row = grouped_row(category="OS", packageName="libptexenc1", fixedVersion="2019.20190605.51237-3ubuntu0.1")
    (found,) = grouped.read_row(row, path="r").findings
    assert (found.component, found.fixed_in) == ("libptexenc1", ("2019.20190605.51237-3ubuntu0.1",))


def test_the_graver_of_a_grouped_rows_two_severities_counts() -> None:
    row = put(grouped_row(severity="Low"), "properties.status.severity", "Critical")
    assert severities(grouped.read_row(row, path="r")) == ["critical"]
    row = put(grouped_row(severity=""), "properties.additionalData.vulnerabilityDetails.severity", "Unknown")
    assert severities(grouped.read_row(row, path="r")) == ["unknown"]


def test_a_grouped_row_without_a_cve_goes_by_its_id() -> None:
    row = put(grouped_row(), "properties.additionalData.vulnerabilityDetails.cveId", None)
    row = put(row, "properties.id", "MDVM-77")
    assert grouped.read_row(row, path="r").findings[0].ids == ("MDVM-77",)
    with pytest.raises(RowError, match="id"):
        grouped.read_row(put(row, "properties.id", ""), path="r")
