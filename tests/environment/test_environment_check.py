"""`gate check`: the verdict, the reports, the exit codes."""

from __future__ import annotations

import importlib.resources
import json
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from environment_world.definitions import NOW, declare, write

from gate.cli import main
from gate.environment.check import CheckReport, check_declared, check_files
from gate.model.exception import Grant, GrantedFile, Scope
from gate.model.origin import Disposition, Kind
from gate.model.principal import Principal
from gate.policy.schema import Policy, Treatment
from gate.policy.source import load_policy
from gate.reports import check_json, check_markdown, check_text

SCHEMA = Path(str(importlib.resources.files("gate"))).parent / "docs/schemas/check-1.schema.json"
SHA = "sha256:" + "d" * 64


@pytest.fixture
def policy() -> Policy:
    return load_policy()


def grant(name: str, version: str, *, kind: Kind = Kind.PYPI, reference: str = "") -> Grant:
    """Approve one package of one version, as a steward would."""
    return Grant(
        id="EXC-1",
        kind=kind,
        name=name,
        version=version,
        files=(GrantedFile(filename=f"{name}-{version}.whl", sha256=SHA, size=1),),
        references=(reference,) if reference else (),
        scope=Scope(repositories=("staging/",)),
        owner=Principal(tenant="t", object_id="owner"),
        approver=Principal(tenant="t", object_id="approver"),
        reason="needed",
        not_before=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=1),
    )


def checked(folder: Path, content: str, policy: Policy, *grants: Grant) -> CheckReport:
    declared = declare(folder, {"requirements.txt": content})
    return check_declared(declared, policy, grants, NOW)


def test_every_reference_has_one_disposition_and_the_counts_add_up(tmp_path: Path, policy: Policy) -> None:
    report = checked(tmp_path, "a\nb @ https://h.example/b.whl\n$C\n", policy)
    told = check_json.as_object(report)
    assert [one.disposed.disposition.value for one in report.references] == ["safelisted", "blocked", "undetermined"]
    assert told["counts"] == {"safelisted": 1, "granted": 0, "blocked": 1, "undetermined": 1}


def test_a_grant_in_force_lets_a_pinned_package_pass_and_an_expired_one_does_not(
    tmp_path: Path, policy: Policy
) -> None:
    content = "--index-url https://x.example/s\na==1\n"
    in_force = checked(tmp_path, content, policy, grant("a", "1"))
    assert in_force.verdict == "safelisted"
    assert in_force.references[0].disposed.disposition is Disposition.GRANTED
    assert [one.covered for one in in_force.sources] == [True]
    declared = declare(tmp_path, {"requirements.txt": content})
    late = check_declared(declared, policy, [grant("a", "1")], NOW + timedelta(days=1))
    assert late.verdict == "needs_exception"
    assert checked(tmp_path, content, policy, grant("a", "2")).verdict == "needs_exception"


def test_a_private_index_is_covered_only_when_everything_from_it_is_granted(tmp_path: Path, policy: Policy) -> None:
    report = checked(tmp_path, "-i https://x.example/s\na==1\nb==1\n", policy, grant("a", "1"))
    assert [one.covered for one in report.sources] == [False]
    assert report.verdict == "needs_exception"


def test_a_private_index_that_serves_nothing_listed_still_blocks(tmp_path: Path, policy: Policy) -> None:
    report = checked(
        tmp_path,
        "--extra-index-url https://x.example/s\na @ https://h.example/a\n",
        policy,
        grant("a", "1", reference="https://h.example/a"),
    )
    assert report.references[0].disposed.disposition is Disposition.GRANTED
    assert report.verdict == "needs_exception"


def test_policy_decides_on_implicit_defaults(tmp_path: Path, policy: Policy) -> None:
    declared = declare(tmp_path, {"c.yml": "channels: [conda-forge]\ndependencies: [a]\n"})
    strict = policy.model_copy(
        update={"safelist": policy.safelist.model_copy(update={"implicit_defaults": Treatment.BLOCK})}
    )
    assert check_declared(declared, policy, (), NOW).verdict == "safelisted"
    assert check_declared(declared, strict, (), NOW).verdict == "needs_exception"


def test_an_empty_safelist_lets_nothing_in(tmp_path: Path, policy: Policy) -> None:
    nothing = policy.safelist.model_copy(
        update={"python_indexes": (), "conda_channels": (), "image_registries": (), "azureml_registries": ()}
    )
    report = checked(tmp_path, "a\n", policy.model_copy(update={"safelist": nothing}))
    assert report.verdict == "needs_exception"


def test_several_files_are_one_check(tmp_path: Path, policy: Policy) -> None:
    write(tmp_path, {"a/requirements.txt": "a\n", "b/requirements.txt": "git+https://h.example/o/r\n"})
    report = check_files([tmp_path / "a", tmp_path / "b/requirements.txt"], policy, (), NOW)
    assert [one.reference.name for one in report.references] == ["a", "git+https://h.example/o/r"]
    assert report.verdict == "needs_exception"


def test_no_file_at_all_is_not_clean(policy: Policy) -> None:
    assert check_files([], policy, (), NOW).verdict == "unparseable"


def everything(folder: Path, policy: Policy) -> CheckReport:
    """Return a report with every kind of row, source and problem."""
    content = (
        "--extra-index-url https://user:s3cret@x.example/s\na==1\nb[x]==1; python_version>'3' --hash=" + SHA + "\n"
        "c @ https://tok3n@h.example/c.whl\n-c gone.txt\ngit+https://h.example/o/r@v1\n"
    )
    return checked(folder, content, policy, grant("a", "1"))


def test_the_json_report_is_what_its_schema_says(tmp_path: Path, policy: Policy) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    empty = check_files([], policy, (), NOW)
    for report in (everything(tmp_path, policy), empty, checked(tmp_path, "a>>1\n", policy)):
        validator.validate(json.loads(check_json.render(report)))


def test_the_schema_refuses_what_the_report_never_says(tmp_path: Path, policy: Policy) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    told = json.loads(check_json.render(everything(tmp_path, policy)))
    changes: list[dict[str, object]] = [{"verdict": "fine"}, {"schema": "x/2"}, {"extra": 1}, {"references": [{}]}]
    for change in changes:
        assert not validator.is_valid({**told, **change})


def test_no_report_shows_a_credential(tmp_path: Path, policy: Policy) -> None:
    report = everything(tmp_path, policy)
    for module in (check_json, check_text, check_markdown):
        told = module.render(report)
        assert "s3cret" not in told
        assert "tok3n" not in told


def test_every_refusal_says_why_and_what_to_do(tmp_path: Path, policy: Policy) -> None:
    told = json.loads(check_json.render(everything(tmp_path, policy)))
    for one in told["references"]:
        refused = one["disposition"] in {"blocked", "undetermined"}
        assert bool(one["way_out"]) is refused
        assert bool(one["rule"])


def test_the_text_report_shows_what_blocks_first_and_hides_what_is_fine(tmp_path: Path, policy: Policy) -> None:
    told = check_text.render(checked(tmp_path, "fine\n$C\nx @ https://h.example/x\n", policy))
    assert told.startswith("needs_exception: 3 references (1 safelisted, 1 blocked, 1 undetermined) in 1 files\n")
    assert told.index("blocked: url") < told.index("undetermined: pypi $C")
    assert "pypi fine" not in told


def test_the_text_report_says_that_nothing_needs_a_source(tmp_path: Path, policy: Policy) -> None:
    told = check_text.render(checked(tmp_path, "-f https://h.example/l\n", policy))
    assert "requirements.txt:1: not safelisted: https://h.example/l\n  next: remove it" in told


def test_control_characters_of_a_judged_file_reach_no_terminal(tmp_path: Path, policy: Policy) -> None:
    told = check_text.render(checked(tmp_path, "x @ https://h.example/\x1b[31mred\x07\n", policy))
    assert "\x1b" not in told
    assert "\x07" not in told


def test_markdown_cannot_be_forged_by_a_judged_file(tmp_path: Path, policy: Policy) -> None:
    report = checked(tmp_path, "x @ https://h.example/a|b|`c`](https://evil.example)<img>\n", policy)
    told = check_markdown.render(report)
    rows = [line for line in told.splitlines() if line.startswith("| requirements")]
    assert [row.count("|") for row in rows] == [6]
    assert not [one for one in ("](", "<img", "`c`") if one in told]


def test_markdown_names_sources_and_problems(tmp_path: Path, policy: Policy) -> None:
    told = check_markdown.render(everything(tmp_path, policy))
    assert "Not safelisted and in scope:" in told
    assert "missing&#95;constraint" in told or "missing_constraint" in told


# the command


def test_the_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"ok.txt": "a\n", "no.txt": "git+https://h.example/o/r\n", "bad.txt": "a>>1\n"})
    codes = {name: main(["check", name, "--no-resolve"]) for name in ("ok.txt", "no.txt", "bad.txt", "gone.txt")}
    assert codes == {"ok.txt": 0, "no.txt": 10, "bad.txt": 12, "gone.txt": 12}
    captured = capsys.readouterr()
    assert "error[input_unreadable]" in captured.err
    assert "Traceback" not in captured.err


def test_wrong_usage_is_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"requirements.txt": "a\n"})
    path = str(tmp_path / "requirements.txt")
    assert main(["check"]) == 2
    assert main(["check", path, "--format", "yaml"]) == 2
    assert main(["check", path, "--output", str(tmp_path / "none/x.json")]) == 2
    assert "error[usage]" in capsys.readouterr().err


def test_outputs_are_written_by_their_suffix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"requirements.txt": "a\n"})
    outputs = [tmp_path / name for name in ("x.json", "x.md", "x.txt", "x.out")]
    arguments = [part for path in outputs for part in ("--output", str(path))]
    assert main(["check", str(tmp_path / "requirements.txt"), "--format", "markdown", *arguments]) == 0
    assert json.loads(outputs[0].read_text())["verdict"] == "safelisted"
    assert outputs[1].read_text() == outputs[3].read_text() == capsys.readouterr().out
    assert outputs[2].read_text().startswith("safelisted:")


def test_what_lies_above_a_definition_is_reached_from_the_working_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a/r.txt": "-r ../b/r.txt\n", "b/r.txt": "b\n"})
    monkeypatch.chdir(tmp_path)
    assert main(["check", "a/r.txt", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == ["a/r.txt", "b/r.txt"]
    monkeypatch.chdir(tmp_path / "b")
    assert main(["check", "../a/r.txt", "--format", "json"]) == 10
    assert json.loads(capsys.readouterr().out)["files"] == ["r.txt"]


def test_policy_comes_from_where_it_is_named_and_never_from_the_judged_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(str(importlib.resources.files("gate"))).parent
    safelist = (root / "allowlist/safelist.yaml").read_text()
    open_policy = safelist.replace("  - name: pypi\n", "  - name: pypi\n  - {name: x, url: https://x.example/s}\n")
    assert open_policy != safelist
    for folder in (tmp_path / "own", tmp_path):
        write(
            folder,
            {
                "allowlist/safelist.yaml": open_policy,
                "allowlist/policy.yaml": (root / "allowlist/policy.yaml").read_bytes(),
                "exceptions/workflow.yaml": (root / "exceptions/workflow.yaml").read_bytes(),
            },
        )
    write(tmp_path, {"requirements.txt": "-i https://x.example/s/\na\n"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATE_POLICY", raising=False)
    assert main(["check", "requirements.txt"]) == 10
    assert main(["check", "requirements.txt", "--policy", str(tmp_path / "own")]) == 0
    monkeypatch.setenv("GATE_POLICY", str(tmp_path / "own"))
    assert main(["check", "requirements.txt"]) == 0
    assert main(["check", "requirements.txt", "--policy", str(tmp_path / "gone")]) == 12
    assert "policy_missing" in capsys.readouterr().err
