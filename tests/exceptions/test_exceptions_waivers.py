"""A waiver goes the way of every exception: filed with a reason, approved by somebody else, and put into OpenVEX."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from data.reference_files import reference_file
from exceptions_world.parts import NOW, STAGING, filename, wheel

from gate.cli import main
from gate.errors import NotFoundError
from gate.exceptions.openvex import openvex
from gate.model.exception import Grant, Justification, Scope, Waived
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.policy.source import load_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHY = ["--reason", "the parser is never called", "--justification", "vulnerable_code_not_in_execute_path"]
WANTED = ["request", "--kind", "pypi", "--name", "Six", "--version", "1.16.0", "--repository", STAGING]
ALICE, BOB = ["--as", "contoso/alice"], ["--as", "contoso/bob"]
WAIVE = ["--waive", "CVE-2026-1"]
WORKFLOW = load_policy().workflow


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Run the command line over a new home; the answer is its exit code, its JSON, and what it said to people."""
    for name in ("GATE_PRINCIPAL", "GATE_SERVER", "GATE_POLICY", "GATE_DATABASE", "GATE_STORAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GATE_HOME", str(tmp_path / "home"))

    def call(*words: str) -> tuple[int, dict[str, Any], str]:
        code = main(["exception", *words])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out.startswith("{") else {}, said.out + said.err

    return call


def filed(run: Callable[..., tuple[int, dict[str, Any], str]]) -> str:
    code, report, _ = run(*WANTED, *WAIVE, *WHY, *ALICE, "--format", "json")
    assert code == 0
    (request,) = report["requests"]
    assert request["justification"] == "vulnerable_code_not_in_execute_path"
    return str(request["id"])


def test_a_waiver_is_filed_approved_by_somebody_else_and_exported(
    run: Callable[..., tuple[int, dict[str, Any], str]],
) -> None:
    request = filed(run)
    assert f"approve {request}, or" in run("show", request)[2]
    code, report, _ = run("approve", request, *BOB, "--format", "json")
    assert code == 0
    (waiver,) = report["grants"]
    assert (waiver["name"], waiver["version"], waiver["files"]) == ("six", "1.16.0", [])
    assert waiver["waives"]["vulnerability"] == "CVE-2026-1"
    assert waiver["scope"]["repositories"] == [STAGING]
    assert "waiver of CVE-2026-1 on pypi six 1.16.0" in run("show", request)[2]
    code, document, _ = run("export", "--author", "stewards")
    assert (code, [one["vulnerability"]["name"] for one in document["statements"]]) == (0, ["CVE-2026-1"])


def test_nobody_approves_a_waiver_of_their_own(run: Callable[..., tuple[int, dict[str, Any], str]]) -> None:
    request = filed(run)
    assert run("approve", request, "--as", "Contoso/Alice")[0] == 10
    code, document, said = run("export", "--author", "stewards")
    assert (code, document, "no_waivers" in said) == (12, {}, True)


def test_a_waiver_is_for_no_file_and_a_package_for_one(
    run: Callable[..., tuple[int, dict[str, Any], str]], tmp_path: Path
) -> None:
    request = filed(run)
    path = tmp_path / filename()
    path.write_bytes(wheel())
    code, _, said = run("approve", request, "--file", str(path), *BOB)
    assert (code, "waiver_has_file" in said) == (10, True)
    code, report, _ = run(*WANTED, "--reason", "the parser is needed", *ALICE, "--format", "json")
    assert report["requests"][0]["id"] != request
    code, _, said = run("approve", report["requests"][0]["id"], *BOB)
    assert (code, "no_file" in said) == (10, True)
    assert not (tmp_path / "home" / "storage").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([*WAIVE, "--reason", "the parser is never called"], "justification_missing"),
        (WHY, "justification_idle"),
        (["--waive", "CVE-*", *WHY], "subject_unclear"),
        (["--waive", "CVE-2026-1,CVE-2026-2", *WHY], "subject_unclear"),
        ([*WAIVE, "--name", "*", *WHY], "subject_unclear"),
    ],
)
def test_a_waiver_that_says_too_little_or_too_much_is_not_filed(
    words: list[str], code: str, run: Callable[..., tuple[int, dict[str, Any], str]]
) -> None:
    exit_code, _, said = run(*WANTED, *words, *ALICE)
    assert (exit_code, code in said) == (10, True)
    assert run("list", "--format", "json")[1]["requests"] == []


@pytest.mark.parametrize("scope", ["*", "/", "host/", "host/*/"])
def test_a_waiver_is_not_approved_for_more_than_a_place(
    scope: str, run: Callable[..., tuple[int, dict[str, Any], str]]
) -> None:
    assert run("approve", filed(run), *BOB, "--scope", scope)[0] == 10
    code, document, said = run("export", "--author", "stewards")
    assert (code, document, "no_waivers" in said) == (12, {}, True)


def waiver(**changes: Any) -> Grant:
    facts = {
        "id": "GRT-w",
        "kind": Kind.OS,
        "name": "openssl",
        "version": "3.0.11-1~deb12u2",
        "files": (),
        "scope": Scope(repositories=(STAGING, "host/team/")),
        "owner": Principal(tenant="contoso", object_id="alice"),
        "approver": Principal(tenant="contoso", object_id="bob"),
        "reason": "the command is not there",
        "not_before": NOW,
        "expires": NOW + timedelta(days=9),
        "waives": Waived(vulnerability="CVE-2026-1", justification=Justification.CODE_NOT_PRESENT),
    }
    return Grant.model_validate(facts | changes)


def test_what_does_not_hold_is_no_statement() -> None:
    ended, later = waiver(expires=NOW + timedelta(days=1)), waiver(not_before=NOW + timedelta(days=3))
    holds = waiver(id="GRT-v", expires=NOW + timedelta(days=3))
    made = openvex([ended, later, holds], author="stewards", now=NOW + timedelta(days=2), workflow=WORKFLOW)
    assert [one["@id"] for one in made["statements"]] == ["urn:gate:waiver:GRT-v"]
    with pytest.raises(NotFoundError):
        openvex([ended, later], author="stewards", now=NOW + timedelta(days=2), workflow=WORKFLOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": Scope(repositories=(STAGING, "*"))},
        {"scope": Scope(repositories=("host/",))},
        {"expires": NOW + WORKFLOW.longest + timedelta(days=1)},
    ],
    ids=["too wide", "a whole registry", "too long"],
)
def test_a_waiver_that_no_evaluation_heeds_is_told_to_nobody(changes: dict[str, Any]) -> None:
    holds = waiver(id="GRT-v")
    made = openvex([waiver(**changes), holds], author="stewards", now=NOW, workflow=WORKFLOW)
    assert [one["@id"] for one in made["statements"]] == ["urn:gate:waiver:GRT-v"]
    forbidden = WORKFLOW.model_copy(update={"never": ("os/openssl",)})
    with pytest.raises(NotFoundError):
        openvex([holds], author="stewards", now=NOW, workflow=forbidden)


def test_the_document_is_one_by_the_official_schema_and_the_same_every_time() -> None:
    schema = json.loads(gzip.decompress(reference_file("schemas/openvex.json.gz").read_bytes()))
    other = waiver(id="GRT-v", kind=Kind.PYPI, name="six", version="")
    made = openvex([waiver(), other], author="stewards", now=NOW, workflow=WORKFLOW)
    jsonschema.Draft202012Validator(schema).validate(made)
    assert [one["@id"] for one in made["statements"]] == ["urn:gate:waiver:GRT-v", "urn:gate:waiver:GRT-w"]
    assert made == openvex([other, waiver()], author="stewards", now=NOW, workflow=WORKFLOW)
