"""Ways out: each change is made of the file's own text, is minimal, applies, and lets the reference pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.bounds import DefinitionBounds
from gate.cli import main
from gate.environment.check import CheckReport, check_declared
from gate.environment.reader import read_definition
from gate.model.fix import Edit
from gate.model.origin import Disposition
from gate.policy.source import load_policy
from gate.reports import check_json, check_markdown, check_sarif, check_text
from gate.ways_out.edits import apply
from gate.ways_out.find import request_of, with_fixes
from gate.ways_out.texts import texts_of

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KNOWN = frozenset({"demo", "other"})


def checked(root: Path, known: frozenset[str] = KNOWN) -> CheckReport:
    bounds = DefinitionBounds()
    report = check_declared(read_definition(root, root, bounds), load_policy(), (), NOW)
    return with_fixes(report, texts_of(report, [root], bounds), known.__contains__)


def put(root: Path, name: str, content: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


FIXED = {
    "a channel of its own": (
        "environment.yml",
        "channels:\n  - conda-forge\n  - nodefaults\ndependencies:\n  - python=3  # kept\n  - pytorch::pytorch=2.1\n",
    ),
    "defaults among the channels": (
        "environment.yml",
        "name: x\nchannels:\n  - defaults\n  - conda-forge # ours\ndependencies:\n  - numpy\n  - scipy=1\n",
    ),
    "channels in one line": ("environment.yml", "channels: [pytorch, conda-forge] # two\ndependencies: [numpy]\n"),
    "no channels": ("environment.yml", "name: x\ndependencies:\n- numpy\n"),
    "line ends of Windows": ("environment.yml", "channels:\r\n- defaults\r\ndependencies:\r\n- numpy\r\n"),
    "no end of line at the end": ("environment.yml", "channels: [defaults]\ndependencies: [numpy]"),
    "a second index": ("requirements.txt", "--extra-index-url https://x.example/simple\nnumpy==1\nscipy\n"),
    "another index and a page of links": (
        "requirements.txt",
        "# ours\n-i https://x.example/simple\nnumpy==1\n--find-links=https://x.example/links\n",
    ),
    "a tag of a repository": (
        "requirements.txt",
        "a\ndemo[x] @ git+https://h.example/o/demo@v1.2.3 ; python_version > '3'\n",
    ),
    "a tag by its old spelling": ("requirements.txt", "git+https://h.example/o/demo@1.2.3#egg=demo\n"),
    "a wheel at an address": ("requirements.txt", "https://h.example/demo-1.2.3-py3-none-any.whl\n"),
    "a repository in a conda file": (
        "environment.yml",
        "channels: [conda-forge, nodefaults]\ndependencies:\n- pip\n- pip:\n  - demo @ git+https://h.example/o/demo@v1.2.3\n",
    ),
}


@pytest.mark.parametrize(("name", "content"), FIXED.values(), ids=FIXED)
def test_what_is_proposed_applies_and_lets_the_reference_pass(tmp_path: Path, name: str, content: str) -> None:
    root = tmp_path / "root"
    path = put(root, name, content)
    report = checked(root)
    assert report.verdict == "needs_exception"
    refused = [one for one in report.references if one.disposed.disposition is Disposition.BLOCKED]
    fixes = {one.fix for one in refused}
    assert len(fixes) == 1
    (fix,) = fixes
    assert fix is not None
    path.write_bytes(apply(content, fix.edits).encode())
    again = checked(root)
    assert again.verdict == "safelisted"
    assert [one.reference.name for one in again.references if one.reference.kind.value in {"pypi", "conda"}]
    assert len(again.references) == len(report.references)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git to apply a diff with")
@pytest.mark.parametrize(("name", "content"), FIXED.values(), ids=FIXED)
def test_the_diff_is_one_that_git_applies(tmp_path: Path, name: str, content: str) -> None:
    root = tmp_path / "root"
    path = put(root, name, content)
    (fix,) = {one.fix for one in checked(root).references if one.fix}
    done = subprocess.run(
        ["git", "apply", "-p1", "-"],  # noqa: S607 - whichever git the machine has
        cwd=root,
        input=fix.diff.encode(),
        capture_output=True,
        check=False,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert path.read_bytes().decode() == apply(content, fix.edits)


def test_a_fix_changes_no_other_line(tmp_path: Path) -> None:
    content = "\n".join(f"p{n}==1" for n in range(50)) + "\n--extra-index-url https://x.example/s\n"
    put(tmp_path, "requirements.txt", content)
    (fix,) = {one.fix for one in checked(tmp_path).references}
    assert fix is not None
    changed = [line for line in fix.diff.splitlines() if line.startswith(("+", "-"))]
    assert changed == ["--- a/requirements.txt", "+++ b/requirements.txt", "---extra-index-url https://x.example/s"]


UNFIXED = {
    "a branch is no version": "demo @ git+https://h.example/o/demo@main\n",
    "a commit is no version": "demo @ git+https://h.example/o/demo@1234567\n",
    "nobody knows the name": "secret @ git+https://h.example/o/secret@v1.2.3\n",
    "no name is told": "git+https://h.example/o/demo@v1.2.3\n",
    "a file of one's own": "./demo\n",
    "a variable": "$DEMO\n",
    "an index beside other words": "numpy --extra-index-url https://x.example/s\n",
}


@pytest.mark.parametrize("content", UNFIXED.values(), ids=UNFIXED)
def test_nothing_is_guessed(tmp_path: Path, content: str) -> None:
    put(tmp_path, "requirements.txt", content)
    assert [one.fix for one in checked(tmp_path).references] in ([None], [])


def test_a_name_that_is_not_known_to_be_on_pypi_is_never_proposed_from_there(tmp_path: Path) -> None:
    put(tmp_path, "requirements.txt", "demo @ git+https://h.example/o/demo@v1.2.3\n")
    assert [one.fix for one in checked(tmp_path, frozenset()).references] == [None]
    assert [one.fix is None for one in checked(tmp_path).references] == [False]


def test_a_fix_is_made_for_the_text_that_was_read_and_no_other() -> None:
    edit = Edit(file="r.txt", line=2, removed=("b",), added=("c",))
    assert apply("a\nb\n", [edit]) == "a\nc\n"
    for other in ("a\nx\n", "a\n", ""):
        with pytest.raises(ValueError, match="is not what it was"):
            apply(other, [edit])


def test_files_of_one_name_in_two_folders_are_not_taken_for_each_other(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        put(tmp_path / folder, "requirements.txt", "-i https://x.example/s\na\n")
    bounds = DefinitionBounds()
    roots = [tmp_path / "one", tmp_path / "two"]
    report = check_declared(read_definition(roots[0], roots[0], bounds), load_policy(), (), NOW)
    assert texts_of(report, roots, bounds) == {}
    assert set(texts_of(report, roots[:1], bounds)) == {"requirements.txt"}


def test_a_credential_in_the_file_is_in_no_report_and_no_fix_writes_a_hidden_one(tmp_path: Path) -> None:
    put(tmp_path, "requirements.txt", "--extra-index-url https://user:s3cret@x.example/s\nnumpy==1\n")
    report = checked(tmp_path)
    assert report.references[0].fix is not None
    for module in (check_json, check_text, check_markdown, check_sarif):
        told = module.render(report)
        assert "s3cret" not in told
        assert module is check_sarif or "-extra-index-url" in told
    put(tmp_path, "requirements.txt", "demo @ git+https://h.example/o/demo@v1.2.3 # token=abcdefgh\n")
    results = json.loads(check_sarif.render(checked(tmp_path)))["runs"][0]["results"]
    assert [one for one in results if "fixes" in one] == []


def test_the_command_shows_the_change_in_every_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATE_POLICY", raising=False)
    put(tmp_path, "environment.yml", "channels: [defaults]\ndependencies: [numpy, scipy]\n")
    told = {}
    for style in ("text", "json", "markdown", "sarif"):
        assert main(["check", "environment.yml", "--format", style]) == 10
        told[style] = capsys.readouterr().out
    line = "+channels: [conda-forge, nodefaults]"
    assert told["text"].count(line) == 1
    assert told["markdown"].count(f"    {line}") == 1
    references = json.loads(told["json"])["references"]
    assert all(line in one["fix"]["diff"] for one in references)
    (result, *_) = [one for one in json.loads(told["sarif"])["runs"][0]["results"] if "fixes" in one]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 1, "startColumn": 1, "endLine": 2, "endColumn": 1},
            "insertedContent": {"text": "channels: [conda-forge, nodefaults]\n"},
        }
    ]


def test_the_request_is_filled_in_as_far_as_the_reference_tells(tmp_path: Path) -> None:
    put(tmp_path, "requirements.txt", "-i https://x.example/s\nacme==1.2\n")
    asked = request_of(checked(tmp_path).references[0])
    assert asked.startswith("gate exception request --kind pypi --name acme --version 1.2 --repository")
    put(tmp_path, "requirements.txt", "x @ https://h.example/$(rm)/x.whl\n")
    assert "'x'" not in request_of(checked(tmp_path).references[0])
