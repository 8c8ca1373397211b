"""What a closed set is refused for becomes a request where bytes can be approved, and is left alone where not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from reports_world.sets import a_set, empty, held, hostile, package, refused, sound, unreached, unresolved

from gate.environment.check import CheckReport, check_declared
from gate.errors import InputError
from gate.exceptions.checks import Prefilled, filings_of
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.reference import Declared, Reference
from gate.model.resolution import ProjectStatus
from gate.policy.source import load_policy
from gate.reports import check_json
from gate.resolve.judged import JudgedSet

PLACE = "example.org/staging/app"
INDEX = Origin(kind=OriginKind.PYTHON_INDEX, location="pypi")
ELSEWHERE = Origin(kind=OriginKind.PYTHON_INDEX, location="https://x.example/simple")


def checked(*origins: Origin) -> CheckReport:
    references = tuple(
        Reference(kind=Kind.PYPI, name=f"r{number}", spec="==1", origins=(origin,), file="r.txt", line=1)
        for number, origin in enumerate(origins)
    )
    return check_declared(Declared(references=references, files=("r.txt",)), load_policy(), (), datetime.now(UTC))


def filed(report: dict[str, Any] | str) -> Prefilled:
    text = report if isinstance(report, str) else json.dumps(report)
    return filings_of(text.encode(), repository=PLACE, reason="needed")


def names(found: Prefilled) -> list[tuple[str, str, str]]:
    return [(one.subject.name, one.subject.version, one.origin) for one in found.filings if one.subject]


def rendered(report: CheckReport, *sets: JudgedSet) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(check_json.render(report, sets))
    return found


def test_a_refused_package_is_filed_by_its_version_and_from_where_it_was() -> None:
    found = filed(rendered(checked(INDEX), refused(), sound()))
    assert names(found) == [("young", "1.0", "pypi")]
    assert (found.undetermined, found.unliftable) == (0, 0)


def test_references_and_packages_are_filed_together_each_once() -> None:
    found = filed(rendered(checked(ELSEWHERE), refused(), refused()))
    assert names(found) == [("r0", "==1", "https://x.example/simple"), ("young", "1.0", "pypi")]


def test_one_package_that_is_refused_twice_is_one_request() -> None:
    twice = a_set(package("odd", age=1, status=ProjectStatus.ARCHIVED))
    assert names(filed(rendered(checked(INDEX), twice))) == [("odd", "1.0", "pypi")]


@pytest.mark.parametrize("closed", [held(), hostile()], ids=["held", "in quarantine"])
def test_what_is_no_matter_of_bytes_is_counted_and_not_filed(closed: JudgedSet) -> None:
    found = filed(rendered(checked(INDEX), closed))
    assert found.filings == ()
    assert found.unliftable >= 1


def test_nothing_is_filed_for_sets_that_prove_nothing() -> None:
    assert filed(rendered(checked(INDEX), empty())).filings == ()
    assert filed(rendered(checked(INDEX), sound())).filings == ()


@pytest.mark.parametrize("closed", [unresolved(), unreached()], ids=["failed", "no address"])
def test_a_set_that_could_not_be_resolved_makes_no_request(closed: JudgedSet) -> None:
    with pytest.raises(InputError) as refusal:
        filed(rendered(checked(INDEX), closed, refused()))
    assert refusal.value.error_code == "report_unreadable"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda report: report.update(verdict="safelisted"), "report_contradicts"),
        (lambda report: report.update(closed_sets=[]), "report_contradicts"),
        (lambda report: report["closed_sets"][0].update(packages=[]), "report_contradicts"),
        (lambda report: report["closed_sets"][0].update(verdict="unresolved"), "report_unreadable"),
        (lambda report: report["closed_sets"][0].pop("results"), "report_unreadable"),
        (lambda report: report["closed_sets"][0]["results"][0].update(status="fine"), "report_unreadable"),
    ],
)
def test_a_report_that_was_changed_files_nothing(change: Any, code: str) -> None:
    report = rendered(checked(INDEX), refused())
    change(report)
    with pytest.raises(InputError) as refusal:
        filed(report)
    assert refusal.value.error_code == code
