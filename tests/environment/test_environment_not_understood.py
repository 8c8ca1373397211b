"""A command that the shell reader can't make out hides what it installs: such a definition is never safelisted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.environment.check import check_files
from gate.policy.source import load_policy
from gate.reports import check_json, check_junit, check_markdown, check_sarif, check_text

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BASE = "FROM mcr.microsoft.com/base:1\n"
DARK = ["if [ ; then ((( pip install evil", "for (( ; do << $(( case", "pip install numpy ; done ) fi", "eval '(('"]
DARK_JOB = "command: '${{inputs.x}} && if [ ; then ((( pip install evil'\n"


@pytest.mark.parametrize("command", DARK)
def test_a_command_that_is_not_understood_is_never_safelisted(tmp_path: Path, command: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"{BASE}RUN {command}\n")
    report = check_files([tmp_path / "Dockerfile"], load_policy(), (), NOW)
    assert report.verdict == "unparseable"
    assert [one.code for one in report.problems] == ["shell_not_understood"]
    assert 'errors="1"' in check_junit.render(report)
    assert '"level": "error"' in check_sarif.render(report)
    for one in (check_json, check_text, check_markdown):
        assert "unparseable" in one.render(report)


def test_what_was_read_beside_it_stays_refused_with_its_way_out(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM docker.io/library/x:1\nRUN {DARK[0]}\n")
    report = check_files([tmp_path / "Dockerfile"], load_policy(), (), NOW)
    assert report.verdict == "needs_exception"
    assert [one.code for one in report.problems] == ["shell_not_understood"]
