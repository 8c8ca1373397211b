"""Closed sets in every form of a check's report: valid, on the right line, and never green where a set is not sound."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import jsonschema
import pytest
import xmlschema
from reports_world.checks import checked
from reports_world.sets import (
    EVIL,
    a_set,
    empty,
    held,
    hostile,
    package,
    refused,
    sound,
    unreached,
    unresolved,
)

from gate.environment.check import CheckReport
from gate.reports import check_json, check_junit, check_markdown, check_sarif, check_text
from gate.reports.check_sets import verdict_of
from gate.resolve.judged import JudgedSet

DATA = pytest.mark.skipif(
    "GATE_DATA" not in os.environ, reason="the official schemas lie in GATE_DATA, which is not set"
)
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "check-1.schema.json").read_text())
EVERY = {
    "sound": (sound(),),
    "refused": (refused(),),
    "held": (held(),),
    "unresolved": (unresolved(),),
    "unreached": (unreached(),),
    "empty": (empty(),),
    "hostile": (hostile(),),
    "all": (sound(), refused(), held(), unresolved(), unreached(), empty(), hostile()),
}
EXITS = {"safelisted": 0, "needs_exception": 10, "unparseable": 12}


@pytest.fixture
def fine(tmp_path: Path) -> CheckReport:
    """Return a check that passes by itself."""
    return checked(tmp_path, "fine==1\n")


def sarif(report: CheckReport, *sets: JudgedSet) -> dict[str, Any]:
    (run,) = json.loads(check_sarif.render(report, sets))["runs"]
    return dict(run)


def junit(report: CheckReport, *sets: JudgedSet) -> Element:
    return fromstring(check_junit.render(report, sets))  # noqa: S314 - rendered here


@pytest.mark.parametrize(
    ("sets", "verdict"),
    [
        ([], "safelisted"),
        ([sound()], "safelisted"),
        ([sound(), empty()], "safelisted"),
        ([empty()], "needs_exception"),
        ([refused()], "needs_exception"),
        ([held()], "needs_exception"),
        ([sound(), held()], "needs_exception"),
        ([unresolved()], "unparseable"),
        ([unreached()], "unparseable"),
        ([refused(), unresolved()], "unparseable"),
    ],
)
def test_the_verdict_is_the_worst_of_all_in_every_form(
    fine: CheckReport, tmp_path: Path, sets: list[JudgedSet], verdict: str
) -> None:
    assert verdict_of(fine, sets) == verdict
    assert json.loads(check_json.render(fine, sets))["verdict"] == verdict
    assert check_text.render(fine, sets).startswith(f"{verdict}: ")
    assert check_markdown.render(fine, sets).startswith(f"### gate check: {verdict}: ")
    run, suite = sarif(fine, *sets), junit(fine, *sets)
    assert run["invocations"][0]["exitCode"] == EXITS[verdict]
    assert any(one["level"] == "error" for one in run["results"]) is (verdict != "safelisted")
    assert (suite.get("failures"), suite.get("errors")) != ("0", "0") or verdict == "safelisted"
    for worse, content in (("needs_exception", "x @ https://h.example/x.whl\n"), ("unparseable", "broken>>1\n")):
        report = checked(tmp_path, content)
        assert EXITS[verdict_of(report, sets)] == max(EXITS[worse], EXITS[verdict]), "no set softens what was declared"


@pytest.mark.parametrize("sets", EVERY.values(), ids=EVERY)
def test_the_json_has_the_published_form(fine: CheckReport, sets: tuple[JudgedSet, ...]) -> None:
    found = json.loads(check_json.render(fine, sets))
    jsonschema.validate(found, SCHEMA)
    assert [one["verdict"] for one in found["closed_sets"]] == [one.verdict for one in sets]


@DATA
@pytest.mark.parametrize("sets", EVERY.values(), ids=EVERY)
def test_sarif_and_junit_are_valid_by_their_official_schemas(fine: CheckReport, sets: tuple[JudgedSet, ...]) -> None:
    folder = Path(os.environ["GATE_DATA"]) / "schemas"
    schema = json.loads(gzip.decompress((folder / "sarif-2.1.0.json.gz").read_bytes()))
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    jsonschema.Draft4Validator(schema, format_checker=checker).validate(json.loads(check_sarif.render(fine, sets)))
    xmlschema.XMLSchema(gzip.decompress((folder / "junit-10.xsd.gz").read_bytes()).decode()).validate(
        check_junit.render(fine, sets)
    )


@pytest.mark.parametrize("sets", EVERY.values(), ids=EVERY)
def test_nothing_that_was_judged_steers_a_report(fine: CheckReport, sets: tuple[JudgedSet, ...]) -> None:
    for module in (check_json, check_text, check_markdown, check_sarif, check_junit):
        told = module.render(fine, sets)
        assert EVIL not in told
        assert "##vso[" not in told
        # JSON is data: whoever shows a string of it makes it visible.
        assert not ({"\x1b"} if module is check_json else {"\x1b", "\u202e"}) & set(told)
    markdown = check_markdown.render(fine, sets)
    assert "<b>" not in markdown
    assert "](https://evil" not in markdown
    assert {line.count("|") for line in markdown.splitlines() if line.startswith("| ")} <= {6}


@pytest.mark.parametrize("sets", EVERY.values(), ids=EVERY)
def test_every_result_has_its_rule_a_line_and_a_fingerprint_of_its_own(
    fine: CheckReport, sets: tuple[JudgedSet, ...]
) -> None:
    run = sarif(fine, *sets)
    rules = run["tool"]["driver"]["rules"]
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert "{" not in rule["fullDescription"]["text"]
    prints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in run["results"]]
    assert len(set(prints)) == len(prints)


def test_what_others_bring_in_is_shown_at_the_line_that_brings_it(fine: CheckReport) -> None:
    (result,) = [one for one in sarif(fine, refused())["results"] if one["level"] == "error"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("requirements.txt", 2)
    ring = a_set(package("a", age=1, required_by=("b",)), package("b", required_by=("a", "gone")))
    (result,) = [one for one in sarif(fine, ring)["results"] if one["level"] == "error"]
    assert result["properties"]["wholeFile"] is True


def test_each_rule_of_each_set_is_a_case_and_passes_are_too(fine: CheckReport) -> None:
    cases = [
        (one.get("classname"), one.get("name"), [part.tag for part in one])
        for one in junit(fine, refused(), empty()).iter("testcase")
    ]
    assert len({(group, name) for group, name, _ in cases}) == len(cases)
    assert ("closed set of requirements.txt", "cooling-off", ["failure"]) in cases
    assert ("closed set of requirements.txt", "yanked", ["system-out"]) in cases
    assert ("closed set of Dockerfile", "closed-set", ["system-out"]) in cases
    errors = [one.get("name") for one in junit(fine, unresolved()).iter("testcase") if one.find("error") is not None]
    assert errors == ["closed-set"]


def test_the_way_out_names_the_request_only_where_one_helps(fine: CheckReport) -> None:
    text = check_text.render(fine, (refused(), held(), hostile()))
    assert text.count("gate exception request") == 1
    assert "--kind pypi --name young --version 1.0" in text
    results = [
        one
        for closed in json.loads(check_json.render(fine, (refused(), hostile())))["closed_sets"]
        for one in closed["results"]
    ]
    assert [one["exception"] for one in results if "exception" in one] == [
        {"kind": "pypi", "name": "young", "version": "1.0"}
    ]
