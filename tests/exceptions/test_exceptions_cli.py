"""`gate exception` says who claims what, refuses with the right code, and changes nothing when it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from exceptions_world.decisions import denied
from exceptions_world.parts import NOW, STAGING, filename, subject, wheel
from exceptions_world.service import service_over

from gate.cli import main
from gate.config import load_config
from gate.policy.source import load_policy
from gate.store.engine import writing
from gate.wiring import exception_desk, open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gate.config import Config

REQUEST = ["request", "--kind", "pypi", "--name", "acme-forecast", "--version", "1.2.0", "--repository", STAGING]
WHY = ["--reason", "the forecast model needs it"]
ALICE, BOB = ["--as", "contoso/alice"], ["--as", "contoso/bob"]
ID = subject().request_id()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for name in ("GATE_PRINCIPAL", "GATE_SERVER", "GATE_POLICY", "GATE_DATABASE", "GATE_STORAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GATE_HOME", str(tmp_path / "home"))
    return load_config({"GATE_HOME": str(tmp_path / "home")})


@pytest.fixture(params=["here", "remote"])
def run(
    request: pytest.FixtureRequest, config: Config, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run the command line against the local database, or against a service over it."""
    extra: list[str] = []

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["exception", *words, *extra])
        said = capsys.readouterr()
        return code, said.out, said.err

    if request.param == "here":
        yield call
        return
    with (
        open_database(config) as engine,
        service_over(exception_desk(config, engine, load_policy())) as server,
    ):
        extra += ["--server", server]
        yield call


@pytest.fixture
def wheel_file(tmp_path: Path) -> Path:
    path = tmp_path / filename()
    path.write_bytes(wheel())
    return path


def report(tmp_path: Path, **changed: Any) -> str:
    """Write what a check found: twice the same blocked reference, an undetermined one and a safelisted one."""
    origin = {"kind": "vcs", "location": "https://git.example.org/acme/forecast", "implicit": False}
    blocked = {"kind": "vcs", "name": origin["location"], "spec": "main", "origins": [origin], "disposition": "blocked"}
    package = {"kind": "pypi", "name": "private", "spec": "==1.0", "origins": [], "disposition": "blocked", "line": 3}
    template = {"kind": "pypi", "name": "{{ x }}", "spec": "", "origins": [], "disposition": "undetermined"}
    fine = {"kind": "pypi", "name": "numpy", "spec": "", "origins": [], "disposition": "safelisted"}
    content = {
        "schema": "gate.check/1",
        "verdict": "needs_exception",
        "references": [blocked, package, template, fine, blocked],
        "sources": [],
    }
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content | changed))
    return str(path)


def test_the_way_from_a_request_to_a_grant(run: Callable[..., tuple[int, str, str]], wheel_file: Path) -> None:
    code, out, err = run(*REQUEST, *WHY, *ALICE)
    assert code == 0
    assert err == "claimed identity: contoso/alice (not verified)\n"
    assert out.startswith(f"REQUESTED  {ID}  version 1\n")
    assert f"gate exception approve {ID} --file WHEEL" in out
    code, out, err = run("approve", ID, "--file", str(wheel_file), "--days", "7", "--comment", "fine", *BOB)
    assert (code, err) == (0, "claimed identity: contoso/bob (not verified)\n")
    assert f"APPROVED  {ID}  version 2" in out
    assert "acme-forecast==1.2.0 --hash=sha256:" in out
    assert "in_force" in out
    assert run("show", ID)[1] == out
    assert run("list", "--state", "approved")[1] == f"approved   {ID}  pypi acme-forecast 1.2.0  for {STAGING}\n"
    assert run("list", "--state", "denied")[1] == "no such requests\n"


def test_json_is_one_object_with_requests_and_grants(
    run: Callable[..., tuple[int, str, str]], wheel_file: Path
) -> None:
    assert json.loads(run(*REQUEST, *WHY, *ALICE, "--format", "json")[1])["grants"] == []
    out = run("approve", ID, "--file", str(wheel_file), *BOB, "--format", "json")[1]
    said = json.loads(out)
    assert said["schema"] == "gate.exception/1"
    assert [request["state"] for request in said["requests"]] == ["approved"]
    assert [grant["request"] for grant in said["grants"]] == [ID]
    assert json.loads(run("list", "--format", "json")[1])["requests"] == said["requests"]


def test_a_denial_says_what_to_do(run: Callable[..., tuple[int, str, str]]) -> None:
    run(*REQUEST, *WHY, *ALICE)
    code, out, _ = run("deny", ID, "--reason", "use the public one", "--expected", "1", *BOB)
    assert code == 0
    assert "use the public one" in out
    assert f"gate exception request --for {ID}" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["approve", ID, "--file", "WHEEL", *ALICE], 10, "error[self_approval]"),
        (["approve", ID, "--file", "WHEEL", "--as", "CONTOSO/Alice"], 10, "error[self_approval]"),
        (["approve", ID, "--file", "WHEEL", "--days", "181", *BOB], 10, "error[too_long]"),
        (["approve", ID, "--file", "WHEEL", "--days", "0", *BOB], 10, "error[duration_not_positive]"),
        (["approve", ID, "--file", "WHEEL", "--scope", "x.example.org/a/", *BOB], 10, "error[scope_elsewhere]"),
        (["approve", ID, "--file", "/nowhere/x.whl", *BOB], 12, "error[input_unreadable]"),
        (["approve", ID, "--file", "WHEEL", "--days", "9999999999", *BOB], 2, "is no duration"),
        (["approve", ID, *BOB], 10, "error[no_file]"),
        (["approve", ID, "--file", "WHEEL"], 2, "error[identity_missing]"),
        (["approve", ID, "--file", "WHEEL", "--as", "bob"], 2, "error[identity_unclear]"),
        (["approve", "EXR-none", "--file", "WHEEL", *BOB], 12, "error[not_found]"),
        (["deny", ID, "--reason", "tbd", *BOB], 10, "error[reason_missing]"),
        (["deny", ID, "--reason", "not needed", "--expected", "2", *BOB], 10, "error[request_changed]"),
        (["deny", ID, *BOB], 2, "Missing option '--reason'"),
        ([*REQUEST, *WHY, *BOB], 10, "error[already_requested]"),
        (["request", "--for", ID, *WHY, *BOB], 10, "error[already_requested]"),
        (["request", "--for", ID, *BOB], 2, "Missing option '--reason'"),
        (["request", *WHY, *ALICE], 2, "error[usage]"),
        (["request", "--for", ID, "--name", "x", *WHY, *ALICE], 2, "error[usage]"),
        (["request", "--for", ID, "--repository", STAGING, *WHY, *ALICE], 2, "error[usage]"),
        (["request", "--kind", "pypi", "--name", "x", *WHY, *ALICE], 2, "name it with `--repository`"),
        (["request", "--kind", "pypi", "--repository", STAGING, *WHY, *ALICE], 2, "name both"),
        (["request", "--name", "x", "--repository", STAGING, *WHY, *ALICE], 2, "name both"),
        (["request", "--kind", "pypi", "--name", "a\x1b", "--repository", STAGING, *WHY, *ALICE], 10, "error[subject"),
        (["show", "EXR-none"], 12, "error[not_found]"),
        (["list", "--cursor", "x"], 2, "error[bad_cursor]"),
        (["list", "--state", "lost"], 2, "Invalid value"),
    ],
)
def test_what_is_refused_has_its_code_and_changes_nothing(
    run: Callable[..., tuple[int, str, str]], wheel_file: Path, words: list[str], code: int, said: str
) -> None:
    run(*REQUEST, *WHY, *ALICE)
    before = run("show", ID)
    ended, out, err = run(*[str(wheel_file) if word == "WHEEL" else word for word in words])
    assert (ended, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert "\x1b" not in err
    assert run("show", ID) == before


def test_the_identity_may_come_from_the_environment(
    run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_PRINCIPAL", "contoso/dave")
    code, out, err = run(*REQUEST, *WHY)
    assert code == 0
    assert "contoso/dave (claimed)" in out
    assert "claimed identity: contoso/dave" in err


def test_a_draft_of_an_evaluation_is_filed_by_its_id(run: Callable[..., tuple[int, str, str]], config: Config) -> None:
    decision = denied()
    with open_database(config) as engine, writing(engine) as connection:
        exception_desk(config, engine, load_policy()).open_drafts(connection, decision, "EVL-1", now=NOW)
    code, out, _ = run("show", decision.requests[0])
    assert code == 0
    assert "DRAFT" in out
    assert f"gate exception request --for {decision.requests[0]}" in out
    assert "requester" not in out
    code, out, _ = run("request", "--for", decision.requests[0], *WHY, *ALICE)
    assert code == 0
    assert "contoso/alice" in out


def test_a_check_pre_fills_one_request_for_each_blocked_reference(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    words = ["request", "--from-check", report(tmp_path), "--repository", STAGING, *WHY, *ALICE, "--format", "json"]
    code, out, err = run(*words)
    assert code == 0
    assert [request["subject"]["name"] for request in json.loads(out)["requests"]] == [
        "https://git.example.org/acme/forecast",
        "private",
    ]
    assert "1 undetermined" in err
    assert run(*words)[:2] == (code, out)


def test_a_refused_one_does_not_keep_the_others_of_a_check_from_being_filed(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    run("request", "--kind", "vcs", "--name", "https://git.example.org/acme/forecast", "--version", "main",
        "--repository", STAGING, *WHY, *BOB)  # fmt: skip
    code, out, err = run("request", "--from-check", report(tmp_path), "--repository", STAGING, *WHY, *ALICE)
    assert code == 10
    assert "error[already_requested]" in err
    assert "pypi private ==1.0" in out
    assert "contoso/bob" not in out


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema": "gate.check/2"}, "report_unreadable"),
        ({"verdict": "unparseable"}, "report_unreadable"),
        ({"verdict": "safelisted"}, "report_contradicts"),
        ({"references": []}, "report_contradicts"),
        ({"references": [{}]}, "report_unreadable"),
        ({"references": None}, "report_unreadable"),
    ],
)
def test_a_report_that_may_lack_references_files_nothing(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    path = report(tmp_path, **changed)
    code, out, err = run("request", "--from-check", path, "--repository", STAGING, *WHY, *ALICE)
    assert (code, out) == (12, "")
    assert said in err
    assert run("list")[1] == "no such requests\n"


def test_a_report_without_anything_blocked_asks_for_nothing(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    path = report(tmp_path, verdict="safelisted", references=[])
    code, out, err = run("request", "--from-check", path, "--repository", STAGING, *WHY, *ALICE)
    assert (code, out) == (0, "")
    assert "nothing to ask for" in err


def test_a_report_beyond_the_bound_is_not_read(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gate.cli.exception_filings._REPORT_BYTES", 10)
    code, _, err = run("request", "--from-check", report(tmp_path), "--repository", STAGING, *WHY, *ALICE)
    assert code == 12
    assert "report_too_large" in err


def test_pages_say_how_to_go_on(run: Callable[..., tuple[int, str, str]]) -> None:
    for name in ("a", "b"):
        run("request", "--kind", "pypi", "--name", name, "--repository", STAGING, *WHY, *ALICE)
    code, out, err = run("list", "--limit", "1")
    assert (code, out.count("\n")) == (0, 1)
    cursor = err.rsplit(" ", 1)[1].strip()
    rest = run("list", "--limit", "1", "--cursor", cursor)
    assert rest[1] != out
    assert rest[2] == ""


@pytest.mark.parametrize("name", ["GATE_DATABASE", "GATE_STORAGE"])
def test_a_store_that_fails_is_no_traceback_and_no_refusal(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / filename()).write_bytes(wheel())
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"this is a file")
    main(["exception", *REQUEST, *WHY, *ALICE])
    monkeypatch.setenv(name, f"sqlite:///{blocked}" if name == "GATE_DATABASE" else str(blocked))
    capsys.readouterr()
    assert main(["exception", "approve", ID, "--file", str(tmp_path / filename()), *BOB]) == 12
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    monkeypatch.delenv(name)
    main(["exception", "show", ID])
    assert "REQUESTED" in capsys.readouterr().out
    assert config.database


def test_with_a_server_the_policy_is_the_servers(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    del config
    assert main(["exception", "list", "--server", "https://gate.example.org", "--policy", "."]) == 2
    assert "the service's own policy counts" in capsys.readouterr().err
