"""SARIF of a check: valid, on the right line, the same result after lines moved, and never clean by omission."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from reports_world.checks import EVERYTHING, NOW, checked, everything, grant, of_every_kind, strict

from gate.cli import main
from gate.environment.check import CheckedReference, CheckReport, check_declared
from gate.model.decision import Disposed
from gate.model.origin import Disposition, Kind
from gate.model.reference import Declared, Problem, Reference, Severity
from gate.policy.source import load_policy
from gate.reports import check_sarif


def run_of(report: CheckReport) -> dict[str, Any]:
    """Return the one run of the log."""
    log = json.loads(check_sarif.render(report))
    assert len(log["runs"]) == 1
    run: dict[str, Any] = log["runs"][0]
    return run


def lines_of(run: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["ruleId"], one["locations"][0]["physicalLocation"]["region"]["startLine"]) for one in run["results"]]


@pytest.mark.skipif("GATE_DATA" not in os.environ, reason="the official schemas lie in GATE_DATA, which is not set")
def test_every_report_is_valid_by_the_official_schema(tmp_path: Path) -> None:
    schema = json.loads(gzip.decompress((Path(os.environ["GATE_DATA"]) / "schemas/sarif-2.1.0.json.gz").read_bytes()))
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    for report in of_every_kind(tmp_path):
        validator.validate(json.loads(check_sarif.render(report)))
    assert not validator.is_valid({"version": "2.1.0"})


def test_every_result_has_its_rule_a_line_and_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    for report in of_every_kind(tmp_path):
        run = run_of(report)
        rules = run["tool"]["driver"]["rules"]
        assert len({one["id"] for one in rules}) == len(rules)
        for one in run["results"]:
            assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
            place = one["locations"][0]["physicalLocation"]
            assert place["region"]["startLine"] >= 1
            assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
            assert not place["artifactLocation"]["uri"].startswith(("/", ".."))
        prints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in run["results"]]
        assert len(set(prints)) == len(prints)


def test_every_rule_says_why_and_what_to_do_without_a_field_left_open(tmp_path: Path) -> None:
    for report in of_every_kind(tmp_path):
        for rule in run_of(report)["tool"]["driver"]["rules"]:
            assert "Next:" in rule["help"]["text"]
            assert "{" not in rule["help"]["text"]
            assert "unknown" not in rule["shortDescription"]["text"] or rule["id"].startswith("unknown")


def test_each_refusal_stands_on_the_line_where_it_was_written(tmp_path: Path) -> None:
    told = lines_of(run_of(everything(tmp_path)))
    assert sorted(told, key=lambda one: one[1]) == [
        ("source_in_scope", 1),
        ("granted", 2),
        ("mixed_origins", 3),
        ("origin_url", 4),
        ("missing_constraint", 5),
        ("origin_vcs", 6),
        ("unresolved_variable", 7),
        ("invalid_requirement", 8),
    ]


def test_the_levels_say_what_stops_the_check(tmp_path: Path) -> None:
    levels = {one["ruleId"]: one["level"] for one in run_of(everything(tmp_path))["results"]}
    warnings = {code for code, level in levels.items() if level == "warning"}
    assert warnings == {"missing_constraint"}
    assert levels.pop("granted") == "note"
    assert set(levels.values()) == {"error", "warning"}


def test_a_granted_reference_is_suppressed_by_its_grant_and_nothing_else_is(tmp_path: Path) -> None:
    results = run_of(everything(tmp_path))["results"]
    suppressed = [one for one in results if "suppressions" in one]
    assert [one["properties"]["name"] for one in suppressed] == ["granted"]
    assert suppressed[0]["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "granted by EXC-1"}
    ]
    assert suppressed[0]["properties"]["grant"] == "EXC-1"


def test_a_source_is_suppressed_only_when_all_that_comes_from_it_is_granted(tmp_path: Path) -> None:
    content = "-i https://x.example/s\na==1\n"
    covered = run_of(checked(tmp_path, content, grant("a")))
    assert all("suppressions" in one for one in covered["results"])
    assert covered["properties"]["verdict"] == "safelisted"
    partly = run_of(checked(tmp_path, content + "b==1\n", grant("a")))
    open_ones = {one["ruleId"] for one in partly["results"] if "suppressions" not in one}
    assert open_ones == {"source_in_scope", "origin_python_index"}


def test_fingerprints_stay_when_lines_move_and_tell_apart_what_shares_a_line(tmp_path: Path) -> None:
    def prints(report: CheckReport) -> list[str]:
        return [one["partialFingerprints"]["primaryLocationLineHash"] for one in run_of(report)["results"]]

    moved = "\n# a comment\n\n" + EVERYTHING
    assert prints(checked(tmp_path, moved, grant("granted"))) == prints(everything(tmp_path))
    head = "FROM mcr.microsoft.com/base:1\nRUN pip install -i https://x.example/s "
    together = run_of(checked(tmp_path, head + "a b\n", name="Dockerfile"))["results"]
    assert len({one["partialFingerprints"]["primaryLocationLineHash"] for one in together}) == len(together) == 3


def test_the_same_thing_twice_in_a_file_is_two_results(tmp_path: Path) -> None:
    twice = checked(tmp_path, "git+https://h.example/o/r@v1\ngit+https://h.example/o/r@v1\n")
    prints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in run_of(twice)["results"]]
    assert [one.rpartition(":")[2] for one in prints] == ["1", "2"]


def test_what_could_not_be_read_is_a_failed_run(tmp_path: Path) -> None:
    (invocation,) = run_of(everything(tmp_path))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 12
    assert [one["descriptor"]["id"] for one in invocation["toolExecutionNotifications"]] == ["invalid_requirement"]


def test_a_report_of_nothing_is_a_failed_run_with_a_result() -> None:
    run = run_of(CheckReport(verdict="unparseable"))
    assert [one["ruleId"] for one in run["results"]] == ["nothing_found"]
    assert run["results"][0]["level"] == "error"
    assert run["invocations"][0]["executionSuccessful"] is False


def test_a_clean_check_has_no_result_and_says_what_it_counted(tmp_path: Path) -> None:
    run = run_of(checked(tmp_path, "fine==1\nalso\n"))
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []
    assert run["properties"]["counts"]["safelisted"] == 2
    assert run["invocations"][0]["executionSuccessful"] is True
    assert [one["location"]["uri"] for one in run["artifacts"]] == ["requirements.txt"]


def test_what_policy_alone_blocks_is_an_error_too(tmp_path: Path) -> None:
    content = "channels: [conda-forge]\ndependencies: [a]\n"
    warned = run_of(checked(tmp_path, content, name="c.yml"))
    blocked = run_of(checked(tmp_path, content, name="c.yml", policy=strict(load_policy())))
    assert [one["level"] for one in warned["results"]] == ["warning"]
    assert [one["level"] for one in blocked["results"]] == ["error"]
    assert blocked["properties"]["verdict"] == "needs_exception"


def test_results_name_the_origins(tmp_path: Path) -> None:
    (result,) = [one for one in run_of(everything(tmp_path))["results"] if one["ruleId"] == "mixed_origins"]
    assert [one["location"] for one in result["properties"]["origins"]] == ["pypi", "https://x.example/s"]
    assert result["properties"]["origins"][0]["implicit"] is True


def test_no_credential_is_shown(tmp_path: Path) -> None:
    told = check_sarif.render(everything(tmp_path))
    assert "s3cret" not in told
    assert "tok3n" not in told


def test_a_judged_name_becomes_neither_a_link_nor_a_control_character(tmp_path: Path) -> None:
    messages = []
    for report in of_every_kind(tmp_path):
        told = check_sarif.render(report)
        assert not any(char in told for char in ("\\u001b", "\\u0007", "\\u0001", "\u202e"))
        messages += [one["message"]["text"] for one in run_of(report)["results"]]
    linking = [one for one in messages if "](" in one]
    assert linking
    assert all("\\[click](" in one for one in linking)
    assert not any(re.search(r"(?<!\\)\[click\]", one) for one in linking)


def test_no_line_gives_orders_to_a_pipelines_agent(tmp_path: Path) -> None:
    reports = of_every_kind(tmp_path)
    for line in "".join(map(check_sarif.render, reports)).splitlines():
        assert not line.lstrip().startswith("::")
        assert "##[" not in line
        assert "##vso[" not in line
    assert any("vso[" in check_sarif.render(one) for one in reports)


def test_a_path_is_written_as_a_reference_that_names_that_very_file(tmp_path: Path) -> None:
    report = checked(tmp_path, "git+https://h.example/o/r\n", name="a b/c#d%20é:x.txt")
    (result,) = run_of(report)["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20b/c%23d%2520%C3%A9%3Ax.txt"


def many(count: int) -> CheckReport:
    """Return a report of so many blocked references, after one warning."""
    references = tuple(
        CheckedReference(
            reference=Reference(kind=Kind.URL, name=f"https://h.example/{number}", file="r.txt", line=number + 1),
            disposed=Disposed(
                kind=Kind.URL,
                name=f"https://h.example/{number}",
                where="r.txt",
                disposition=Disposition.BLOCKED,
                code="origin_url",
            ),
        )
        for number in range(count)
    )
    return CheckReport(verdict="needs_exception", references=references)


def test_more_results_than_code_hosts_take_are_cut_and_the_cut_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_sarif, "RESULTS", 10)
    assert len(run_of(many(10))["results"]) == 10
    results = run_of(many(13))["results"]
    assert len(results) == 10
    assert results[-1]["ruleId"] == check_sarif.CUT
    assert results[-1]["level"] == "error"
    assert results[-1]["message"]["text"].startswith("4 more results")


def test_what_blocks_is_never_cut_before_what_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_sarif, "RESULTS", 2)
    problems = tuple(
        Problem(code="missing_constraint", message=f"{number}", file="r.txt", severity=Severity.WARNING)
        for number in range(5)
    )
    report = many(1).model_copy(update={"problems": problems})
    assert [one["ruleId"] for one in run_of(report)["results"]] == ["origin_url", check_sarif.CUT]


def test_an_unread_file_without_a_line_is_shown_on_its_first_line_and_says_so() -> None:
    declared = Declared(problems=(Problem(code="not_text", message="binary", file="r.txt"),))
    (result,) = run_of(check_declared(declared, load_policy(), (), NOW))["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}
    assert result["properties"]["wholeFile"] is True


def test_the_command_prints_it_and_writes_it_by_the_file_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATE_POLICY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("git+https://h.example/o/r\n", encoding="utf-8")
    code = main(["check", "requirements.txt", "--format", "sarif", "--output", "out.sarif"])
    assert code == 10
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "out.sarif").read_text(encoding="utf-8")
    assert json.loads(printed)["runs"][0]["results"][0]["ruleId"] == "origin_vcs"
