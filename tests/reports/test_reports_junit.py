"""JUnit of a check: a case for everything, never green when the gate is not, and XML whatever is judged."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from reports_world.checks import NOW, checked, everything, grant, of_every_kind, strict

from gate.cli import main
from gate.environment.check import CheckReport, check_declared
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.reference import Declared, Problem, Reference, Severity, Source
from gate.policy.source import load_policy
from gate.reports import check_junit
from gate.reports.check_junit import READ, SCOPE


def suite_of(report: CheckReport) -> Element:
    """Parse the report as a server does and return its one suite."""
    root = fromstring(check_junit.render(report))  # noqa: S314 - what was rendered here, no file of anybody's
    (suite,) = list(root)
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        key: suite.get(key) for key in ("tests", "failures", "errors")
    }
    return suite


def outcomes(report: CheckReport) -> dict[str, str]:
    """Return what each case says: `pass`, `failure` or `error`, by its name."""
    return {
        case.get("name", ""): next((tag for tag in ("failure", "error") if case.find(tag) is not None), "pass")
        for case in suite_of(report).iter("testcase")
    }


@pytest.mark.skipif("GATE_DATA" not in os.environ, reason="the official schemas lie in GATE_DATA, which is not set")
def test_every_report_is_valid_by_the_schema_that_servers_read_it_by(tmp_path: Path) -> None:
    source = gzip.decompress((Path(os.environ["GATE_DATA"]) / "schemas/junit-10.xsd.gz").read_bytes()).decode()
    schema = xmlschema.XMLSchema(source)
    for report in of_every_kind(tmp_path):
        schema.validate(check_junit.render(report))
    assert not schema.is_valid("<testsuites><testcase/></testsuites>")


def test_every_reference_is_a_case_and_passes_are_too(tmp_path: Path) -> None:
    assert outcomes(everything(tmp_path)) == {
        "pypi granted ==1": "pass",
        "pypi doubted ==1": "failure",
        "url https://h.example/c.whl": "failure",
        "vcs git+https://h.example/o/r v1": "failure",
        "pypi $VARIABLE": "error",
        SCOPE: "failure",
        READ: "error",
    }


def test_a_clean_check_has_cases_that_pass(tmp_path: Path) -> None:
    assert outcomes(checked(tmp_path, "fine==1\n")) == {"pypi fine ==1": "pass", SCOPE: "pass", READ: "pass"}


def test_a_report_of_nothing_is_an_error_and_not_an_empty_suite() -> None:
    assert outcomes(CheckReport(verdict="unparseable")) == {SCOPE: "pass", READ: "error"}


def test_the_totals_are_those_of_the_cases(tmp_path: Path) -> None:
    for report in of_every_kind(tmp_path):
        suite = suite_of(report)
        cases = list(suite.iter("testcase"))
        assert suite.get("tests") == str(len(cases))
        assert suite.get("failures") == str(sum(case.find("failure") is not None for case in cases))
        assert suite.get("errors") == str(sum(case.find("error") is not None for case in cases))
        assert all(sum(one.tag in {"failure", "error"} for one in case) <= 1 for case in cases)


def test_what_policy_alone_blocks_is_a_failure_though_everything_was_read(tmp_path: Path) -> None:
    content = "channels: [conda-forge]\ndependencies: [a]\n"
    warned = checked(tmp_path, content, name="c.yml")
    blocked = checked(tmp_path, content, name="c.yml", policy=strict(load_policy()))
    assert set(outcomes(warned).values()) == {"pass"}
    assert outcomes(blocked) == {"conda a": "pass", SCOPE: "failure", READ: "pass"}


def test_a_warning_is_told_in_a_case_that_passes(tmp_path: Path) -> None:
    suite = suite_of(checked(tmp_path, "channels: [conda-forge]\ndependencies: [a]\n", name="c.yml"))
    (case,) = [one for one in suite.iter("testcase") if one.get("name") == READ]
    assert "warning[implicit_defaults]" in (case.findtext("system-out") or "")


def test_a_failure_says_where_why_and_what_to_do(tmp_path: Path) -> None:
    (case, *_) = suite_of(checked(tmp_path, "\ngit+https://h.example/o/r@v1\n")).iter("testcase")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("type") == "origin_vcs"
    assert "h.example" in (failure.get("message") or "")
    told = (failure.text or "").splitlines()
    assert told[0] == "requirements.txt:2"
    assert told[-1].startswith("next: ")


def test_a_granted_reference_passes_and_names_its_grant(tmp_path: Path) -> None:
    suite = suite_of(checked(tmp_path, "-i https://x.example/s\na==1\n", grant("a")))
    assert {one.findtext("system-out") for one in suite.iter("testcase")} == {
        "requirements.txt:2: granted by EXC-1",
        (
            "requirements.txt:1: granted[source_in_scope]: https://x.example/s is in scope and not safelisted; "
            "all that comes from it is granted"
        ),
        None,
    }


def test_several_problems_are_one_case_that_names_them_all(tmp_path: Path) -> None:
    suite = suite_of(checked(tmp_path, "a>>1\nb>>1\n"))
    (case,) = [one for one in suite.iter("testcase") if one.get("name") == READ]
    error = case.find("error")
    assert error is not None
    assert (error.get("message") or "").endswith("(and 1 more)")
    assert "requirements.txt:1" in (error.text or "")
    assert "requirements.txt:2" in (error.text or "")


def test_the_same_reference_twice_is_two_cases_and_no_name_holds_its_line(tmp_path: Path) -> None:
    content = "git+https://h.example/o/r@v1\ngit+https://h.example/o/r@v1\n"
    names = list(outcomes(checked(tmp_path, content)))
    assert names[:2] == ["vcs git+https://h.example/o/r v1", "vcs git+https://h.example/o/r v1 #2"]
    assert list(outcomes(checked(tmp_path, "# moved\n\n" + content))) == names


def test_no_credential_is_shown(tmp_path: Path) -> None:
    told = check_junit.render(everything(tmp_path))
    assert "s3cret" not in told
    assert "tok3n" not in told


def test_no_line_gives_orders_to_a_pipelines_agent(tmp_path: Path) -> None:
    for report in of_every_kind(tmp_path):
        for line in check_junit.render(report).splitlines():
            assert not line.lstrip().startswith("::")
            assert "##[" not in line
            assert "##vso[" not in line


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ORIGINS = st.builds(Origin, kind=st.sampled_from(OriginKind), location=st.sampled_from(["pypi", "x", "]]>&<\x1b"]))
DECLARED = st.builds(
    Declared,
    references=st.lists(
        st.builds(
            Reference,
            kind=st.sampled_from(Kind),
            name=WORDS,
            spec=WORDS,
            file=WORDS,
            line=st.integers(0, 9),
            text=WORDS,
            origins=st.lists(ORIGINS, max_size=2).map(tuple),
        ),
        max_size=4,
    ).map(tuple),
    sources=st.lists(st.builds(Source, origin=ORIGINS, file=WORDS, line=st.integers(0, 9)), max_size=2).map(tuple),
    problems=st.lists(
        st.builds(
            Problem,
            code=st.sampled_from(["empty", "implicit_defaults", "of_tomorrow"]),
            message=WORDS,
            file=WORDS,
            severity=st.sampled_from(Severity),
        ),
        max_size=2,
    ).map(tuple),
)


@given(declared=DECLARED, block=st.booleans())
def test_the_cases_are_green_exactly_when_the_gate_is(*, declared: Declared, block: bool) -> None:
    policy = strict(load_policy()) if block else load_policy()
    report = check_declared(declared, policy, (), NOW)
    suite = suite_of(report)
    stopping = int(suite.get("failures", "")) + int(suite.get("errors", ""))
    assert (stopping == 0) is (report.verdict == "safelisted")
    cases = [(one.get("classname"), one.get("name")) for one in suite.iter("testcase")]
    assert len(set(cases)) == len(cases) == len(declared.references) + 2
    read = next(one for one in suite.iter("testcase") if one.get("name") == READ)
    assert (read.find("error") is not None) is (report.verdict == "unparseable")


def test_the_command_writes_it_by_the_file_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATE_POLICY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("fine\n", encoding="utf-8")
    assert main(["check", "requirements.txt", "--format", "junit", "--output", "out.xml"]) == 0
    assert capsys.readouterr().out == (tmp_path / "out.xml").read_text(encoding="utf-8")
