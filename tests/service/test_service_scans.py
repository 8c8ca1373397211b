"""A handed-in report proves a scan if a scanner of policy handed it in and it names the digest, and else never."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from azure_world.sim_tokens import ALICE, PIPELINE, SCANNER
from evaluation.input_world import Said
from fastapi import FastAPI
from servers.certificates import Certificate
from servers.registry import RegistryServer
from service.inprocess import events, problem, serving
from service.live import Live, ground_in
from service.scanned import Scanned, report_on, scanned

from gate.cli import main
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.store.engine import make_engine, reading

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "scan-1.schema.json"
ELSEWHERE = "sha256:" + "e" * 64


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Live:
    return ground_in(tmp_path_factory.mktemp("scanned"))


@pytest.fixture(scope="module")
def world(ground: Live, registry: RegistryServer, tls_certificate: Certificate) -> Iterator[Scanned]:
    with scanned(ground, registry, tls_certificate) as made:
        yield made


def kept(live: Live, digest: str) -> int:
    """Return how many reports about a digest are on record."""
    engine = make_engine(f"sqlite:///{live.folder}/home/gate.sqlite")
    with reading(engine) as connection:
        found = LedgerReader(connection).find(LedgerFilter(event=Event.SCAN_FILED, subject=digest))
    engine.dispose()
    return len(found)


def proof(account: dict[str, Any]) -> tuple[str, str]:
    (said,) = [one for one in account["reasons"] if one["rule"] == "scan-proof"]
    return account["outcome"], said["code"]


def test_a_scanners_report_lets_a_held_image_pass(world: Scanned, ground: Live) -> None:
    digest = world.push("proved")
    assert proof(world.evaluate("proved")) == ("hold", "not_scanned")
    answer = world.hand_in(digest, report_on(digest))
    said = answer.json()
    assert (answer.status_code, said["scanner"], said["counts"], said["code"]) == (201, True, True, "")
    assert (said["digest"], said["submitter"].endswith(SCANNER), said["results"]) == (digest, True, 0)
    jsonschema.validate(said, json.loads(SCHEMA.read_text()))
    account = world.evaluate("proved")
    assert account["outcome"] == "promote", account["reasons"]
    assert "sarif" in json.dumps([one for one in account["decision"]["results"] if one["rule"] == "scan-proof"])
    assert events(ground, account["id"])[-1] == "promoted"


def test_findings_of_a_report_are_judged_as_any(world: Scanned) -> None:
    digest = world.push("found")
    result = {"ruleId": "CVE-2026-1", "message": {"text": "lodash is vulnerable"}}
    said = world.hand_in(digest, report_on(digest, result)).json()
    assert (said["counts"], said["results"]) == (True, 1)
    account = world.evaluate("found")
    assert account["outcome"] == "discard"
    assert any("CVE-2026-1" in one["reason"] for one in account["reasons"] if one["rule"] == "findings")


def test_a_report_of_somebody_whom_policy_does_not_name_proves_nothing(world: Scanned) -> None:
    digest = world.push("stranger")
    stranger = world.person(ALICE, "Gate.Scan")
    said = world.hand_in(digest, report_on(digest), stranger).json()
    assert (said["scanner"], said["counts"], said["code"]) == (False, False, "not_a_scanner")
    assert proof(world.evaluate("stranger")) == ("hold", "not_scanned")


def test_a_report_of_a_claimed_scanner_is_not_kept(world: Scanned, ground: Live) -> None:
    digest = world.push("claimed")
    headers = {"Gate-Claimed-Principal": f"x/{SCANNER}"}
    problem(world.hand_in(digest, report_on(digest), headers), 403, "claim_refused")
    problem(world.hand_in(digest, report_on(digest), {**world.scanner, **headers}), 403, "claim_refused")
    assert kept(ground, digest) == 0


@pytest.mark.parametrize("tid", ["11111111-2222-4333-8444-555555555555"])
def test_the_scanners_object_id_in_another_tenant_is_nobody(world: Scanned, ground: Live, tid: str) -> None:
    digest = world.push("other-tenant")
    other = world.service(SCANNER, "Gate.Scan", tid=tid)
    problem(world.hand_in(digest, report_on(digest), other), 401, "token_tenant")
    assert kept(ground, digest) == 0


@pytest.mark.parametrize("named", [ELSEWHERE, None])
def test_a_report_that_names_another_digest_proves_nothing(world: Scanned, named: str | None) -> None:
    tag = f"other-{named is None}".lower()
    digest = world.push(tag)
    said = world.hand_in(digest, report_on(named)).json()
    assert (said["scanner"], said["counts"], said["code"]) == (True, False, "digest_not_named")
    assert proof(world.evaluate(tag)) == ("hold", "not_scanned")


def test_a_report_about_another_image_is_no_proof_for_this_one(world: Scanned) -> None:
    digest = world.push("neighbour")
    assert world.hand_in(ELSEWHERE, report_on(ELSEWHERE)).json()["counts"]
    assert world.hand_in(ELSEWHERE, report_on(digest)).json()["code"] == "digest_not_named"
    assert proof(world.evaluate("neighbour")) == ("hold", "not_scanned")


def test_who_asks_for_the_release_does_not_vouch_for_it(world: Scanned) -> None:
    digest = world.push("own")
    both = world.service(SCANNER, "Gate.Scan", "Gate.Evaluate")
    assert proof(world.evaluate("own", both)) == ("hold", "not_scanned")
    said = world.hand_in(digest, report_on(digest), both).json()
    assert (said["scanner"], said["counts"], said["code"]) == (True, False, "own_proof")
    assert proof(world.evaluate("own")) == ("hold", "not_scanned")


def test_a_run_that_did_not_finish_proves_nothing(world: Scanned) -> None:
    digest = world.push("broken-off")
    broken = report_on(digest, invocations=[{"executionSuccessful": False, "endTimeUtc": "2026-11-01T11:00:00Z"}])
    assert world.hand_in(digest, broken).json()["code"] == "not_finished"
    assert world.hand_in(digest, report_on(digest, tool={"driver": {"name": "grep"}})).json()["code"] == "other_tool"
    assert proof(world.evaluate("broken-off")) == ("hold", "not_scanned")


def test_the_same_report_is_kept_once(world: Scanned, ground: Live) -> None:
    digest = world.push("twice")
    report = report_on(digest)
    first, again = world.hand_in(digest, report), world.hand_in(digest, report)
    assert first.json()["report"] == again.json()["report"]
    assert kept(ground, digest) == 1


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"version": "2.1.0"}',
        b'{"version": "2.1.0", "runs": []}',
        b'{"version": "2.0.0", "runs": [{}]}',
        b'{"version": "2.1.0", "runs": {}}',
        b"[" * 100_000,
        b"PK\x03\x04",
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_report_is_refused_and_not_kept(world: Scanned, ground: Live, report: bytes) -> None:
    digest = "sha256:" + "a" * 64
    problem(world.hand_in(digest, report), 422, "report_unreadable")
    assert kept(ground, digest) == 0


def test_a_report_about_no_digest_of_another_type_or_too_large_is_refused(world: Scanned, ground: Live) -> None:
    digest = "sha256:" + "b" * 64
    problem(world.hand_in("latest", report_on(digest)), 422, "request_invalid")
    typed = {**world.scanner, "Content-Type": "text/plain"}
    problem(world.client.post(f"/v1/scans/{digest}", content=b"{}", headers=typed), 415, "media_type")
    problem(world.hand_in(digest, b" " * (16 * 1024 * 1024 + 1)), 413, "body_too_large")
    assert kept(ground, digest) == 0


@pytest.fixture
def submit(
    world: Scanned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Said]]:
    """Call `gate scan submit` in this process against the service; the token is the scanner's, out of a file."""
    app = world.client.app
    assert isinstance(app, FastAPI)
    token = tmp_path / "token"
    monkeypatch.setenv("GATE_SERVER_TOKEN_FILE", str(token))
    monkeypatch.setenv("GATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GATE_BOUND_HTTP_ATTEMPTS", "1")
    with serving(app) as address:

        def run(*words: str, headers: dict[str, str] | None = None) -> Said:
            token.write_text((headers or world.scanner)["Authorization"].removeprefix("Bearer ") + "\n")
            capfd.readouterr()
            code = main(["scan", "submit", *words, "--server", address])
            return Said(code, *capfd.readouterr())

        yield run


def test_the_command_hands_a_report_in_and_ends_in_what_it_proves(
    world: Scanned, submit: Callable[..., Said], tmp_path: Path
) -> None:
    digest = world.push("command")
    report = tmp_path / "report.sarif"
    report.write_text(json.dumps(report_on(digest)))
    said = submit(str(report), "--digest", f"{world.host}/staging/app@{digest}")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"PROVES A SCAN  {digest}\n")
    assert "a scanner of policy" in said.out

    stranger = submit(str(report), "--digest", digest, headers=world.person(ALICE, "Gate.Scan"))
    assert stranger.code == 10
    assert "not_a_scanner" in stranger.out
    assert "findings.defender.scanners" in stranger.out
    told = submit(str(report), "--digest", digest, "--format", "json")
    jsonschema.validate(json.loads(told.out), json.loads(SCHEMA.read_text()))
    assert world.evaluate("command")["outcome"] == "promote"


def test_the_command_is_refused_as_the_service_refuses(
    world: Scanned, submit: Callable[..., Said], tmp_path: Path, ground: Live
) -> None:
    digest = "sha256:" + "d" * 64
    report = tmp_path / "report.sarif"
    report.write_text(json.dumps(report_on(digest)))
    roleless = submit(str(report), "--digest", digest, headers=world.service(PIPELINE, "Gate.Evaluate"))
    assert (roleless.code, roleless.error, roleless.out) == (12, "role_lacking", "")
    expired = submit(str(report), "--digest", digest, headers=world.service(SCANNER, "Gate.Scan", exp=1_700_000_000))
    assert (expired.code, expired.error, expired.out) == (12, "token_expired", "")
    assert submit(str(report), "--digest", "latest").error == "bad_digest"
    assert submit(str(tmp_path / "none.sarif"), "--digest", digest).error == "input_unreadable"
    assert submit(str(report), "--digest", digest, "--policy", str(tmp_path)).error == "usage"
    report.write_text("{}")
    assert submit(str(report), "--digest", digest).error == "report_unreadable"
    assert kept(ground, digest) == 0
