"""CVSS base scores are those of the published examples, and nothing is scored that is no whole v3 vector."""

from __future__ import annotations

import math

import pytest

from gate.findings.cvss import base_score, rating
from gate.model.finding import FindingSeverity

# From documentation: FIRST, "CVSS v3.1 Examples", the base vectors and scores of the vulnerabilities named.
PUBLISHED = [
    ("CVE-2013-1937", "AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
    ("CVE-2013-0375", "AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
    ("CVE-2014-3566", "AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
    ("CVE-2012-1516", "AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9),
    ("CVE-2009-0783", "AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2),
    ("CVE-2012-0384", "AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 8.8),
    ("CVE-2015-1098", "AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 7.8),
    ("CVE-2014-0160", "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),
    ("CVE-2014-6271", "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
    ("CVE-2008-1447", "AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N", 6.8),
    ("CVE-2014-2005", "AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 6.8),
    ("CVE-2010-0467", "AV:N/AC:L/PR:N/UI:N/S:C/C:L/I:N/A:N", 5.8),
    ("CVE-2013-6014", "AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:H", 9.3),
    ("CVE-2014-9253", "AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N", 5.4),
    ("CVE-2011-1265", "AV:A/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 8.8),
    ("CVE-2014-2019", "AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N", 4.6),
    ("CVE-2014-0224", "AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:N", 7.4),
    ("CVE-2012-5376", "AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H", 9.6),
    ("the scale's end", "AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
    ("no impact", "AV:N/AC:L/PR:N/UI:N/S:C/C:N/I:N/A:N", 0.0),
]
WHOLE = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


@pytest.mark.parametrize("prefix", ["CVSS:3.0", "CVSS:3.1"])
@pytest.mark.parametrize(("name", "vector", "score"), PUBLISHED)
def test_the_published_examples_score_as_published(prefix: str, name: str, vector: str, score: float) -> None:
    assert base_score(f"{prefix}/{vector}") == score, name


def test_the_order_of_metrics_and_later_groups_change_nothing() -> None:
    assert base_score("CVSS:3.1/A:H/I:H/C:H/S:U/UI:N/PR:N/AC:L/AV:N/E:U/RL:O/MAV:P") == 9.8


@pytest.mark.parametrize(
    "vector",
    [
        "",
        "9.8",
        "CVSS:3.1",
        "CVSS:3.1/",
        "CVSS:2.0/AV:N/AC:L/Au:N/C:N/I:N/A:C",
        "AV:N/AC:L/Au:N/C:N/I:N/A:C",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
        WHOLE.replace("CVSS:3.1", "CVSS:3.2"),
        WHOLE.replace("CVSS:3.1/", ""),
        WHOLE.removesuffix("/A:H"),
        WHOLE.replace("AV:N", "AV:Z"),
        WHOLE.replace("AV:N", "AV:"),
        WHOLE + "/A:N",
        WHOLE + "/",
        WHOLE.lower(),
    ],
)
def test_what_is_no_whole_vector_of_version_three_has_no_score(vector: str) -> None:
    assert base_score(vector) is None


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        (0.0, FindingSeverity.LOW),
        (3.9, FindingSeverity.LOW),
        (4.0, FindingSeverity.MEDIUM),
        (6.9, FindingSeverity.MEDIUM),
        (7.0, FindingSeverity.HIGH),
        (8.9, FindingSeverity.HIGH),
        (9.0, FindingSeverity.CRITICAL),
        (10.0, FindingSeverity.CRITICAL),
        (10.1, FindingSeverity.UNKNOWN),
        (-0.1, FindingSeverity.UNKNOWN),
        (math.nan, FindingSeverity.UNKNOWN),
    ],
)
def test_ratings_begin_where_the_specification_says(score: float, severity: FindingSeverity) -> None:
    assert rating(score) is severity
