"""`--server` with a token: proved and never claimed, never in clear, never shown, out of one place and no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure_world.sim_state import TENANT
from azure_world.sim_tokens import ALICE, AUDIENCE, BOB, PIPELINE, Entra
from evaluation.input_world import Said
from fastapi import FastAPI
from servers.certificates import Certificate
from servers.faulty import FaultyServer, Reply
from service.inprocess import serving
from service.live import Live, ground_in
from service.tokened import Tokened, tokened

REASON = "features of the churn model, reviewed"
SECRET = "not-a-token-but-another-secret"  # noqa: S105 - what must not be shown
WAYS = ("GATE_SERVER_TOKEN", "GATE_SERVER_TOKEN_FILE", "GATE_SERVER_AUDIENCE")
DIGEST = "sha256:" + "1" * 64


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Live:
    return ground_in(tmp_path_factory.mktemp("token-ground"))


@pytest.fixture(scope="module")
def world(ground: Live, tls_certificate: Certificate) -> Iterator[Tokened]:
    with tokened(ground, tls_certificate) as made:
        yield made


@pytest.fixture(scope="module")
def server(world: Tokened) -> Iterator[str]:
    app = world.client.app
    assert isinstance(app, FastAPI)
    with serving(app) as address:
        yield address


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_BOUND_HTTP_ATTEMPTS", "1")
    for name in (*WAYS, "GATE_TOKEN_AUDIENCES"):
        monkeypatch.delenv(name, raising=False)


def token(headers: dict[str, str]) -> str:
    return headers["Authorization"].removeprefix("Bearer ")


def evaluate(gate: Callable[..., Said], ground: Live, server: str, tag: str, *words: str) -> Said:
    place = [f"oci:{ground.staging}:{tag}", "--environment", str(ground.environment), "--server", server]
    return gate("evaluate", *place, *words)


def test_an_evaluation_is_submitted_and_followed_with_a_token(
    gate: Callable[..., Said], ground: Live, world: Tokened, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.push("by-token")
    monkeypatch.setenv("GATE_SERVER_TOKEN", token(world.pipeline))
    said = evaluate(gate, ground, server, "by-token", "--format", "json")
    assert (said.code, said.err) == (0, ""), said.err
    assert json.loads(said.out)["outcome"] == "promote"


def test_without_a_token_the_service_lets_nobody_submit(
    gate: Callable[..., Said], ground: Live, world: Tokened, server: str
) -> None:
    said = evaluate(gate, ground, server, "unproved", "--as", "contoso/alice")
    assert (said.code, said.error, said.out) == (12, "claim_refused", "")
    assert world.client.get("/v1/decisions", headers=world.alice).status_code == 200


def test_a_token_is_read_anew_for_each_call(  # noqa: PLR0917 - who calls whom, with what
    gate: Callable[..., Said],
    ground: Live,
    world: Tokened,
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "token"
    monkeypatch.setenv("GATE_SERVER_TOKEN_FILE", str(file))
    subject = [
        "--kind",
        "pypi",
        "--name",
        "acme-read-anew",
        "--version",
        "1.0",
        "--repository",
        f"oci:{ground.staging}",
    ]
    file.write_text(f"  {token(world.alice)}\n")
    filed = gate("exception", "request", *subject, "--reason", REASON, "--server", server, "--format", "json")
    assert (filed.code, filed.err) == (0, ""), filed.err
    (request,) = json.loads(filed.out)["requests"]
    assert (request["requester"]["object_id"], request["requester"]["claimed"]) == (ALICE, False)
    own = gate("exception", "approve", request["id"], "--server", server)
    assert (own.code, own.error) == (12, "role_lacking")
    file.write_text(token(world.person(ALICE, "Gate.Approve")))
    assert gate("exception", "approve", request["id"], "--server", server).error == "self_approval"
    file.write_text(token(world.bob))
    shown = gate("exception", "show", request["id"], "--server", server)
    assert (shown.code, shown.out.split()[0]) == (0, "REQUESTED")
    denied = gate("exception", "deny", request["id"], "--reason", "use the public one", "--server", server)
    assert (denied.code, denied.out.split()[0]) == (0, "DENIED")
    assert BOB in world.client.get(f"/v1/exceptions/{request['id']}", headers=world.bob).text


def test_this_machines_own_identity_signs_in(
    gate: Callable[..., Said], world: Tokened, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, secret = "c11e0000-0000-4000-8000-0000000000aa", "let-me-in"
    entra: Entra = world.entra
    entra.clients[client] = (secret, PIPELINE, ("Gate.Evaluate",))
    for name, value in {
        "GATE_SERVER_AUDIENCE": AUDIENCE,
        "GATE_AZURE_TENANT": TENANT,
        "GATE_AZURE_AUTHORITY": entra.address,
        "AZURE_CLIENT_ID": client,
        "AZURE_CLIENT_SECRET": secret,
    }.items():
        monkeypatch.setenv(name, value)
    said = gate("exception", "list", "--server", server)
    assert (said.code, said.err) == (0, ""), said.err
    refused = gate("exception", "request", "--for", "EXR-aaaaaaaaaaaaaaaa", "--reason", REASON, "--server", server)
    assert (refused.code, refused.error) == (12, "role_lacking")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    failed = gate("exception", "list", "--server", server)
    assert (failed.code, failed.error) == (12, "azure_sign_in_refused")


@pytest.mark.parametrize("way", ["GATE_SERVER_TOKEN", "GATE_SERVER_TOKEN_FILE"])
@pytest.mark.parametrize(
    "words",
    [
        ("exception", "list"),
        ("scan", "submit", "REPORT", "--digest", DIGEST),
        ("evaluate", "registry.example.org/staging/app:1", "--environment", "DEFINITION"),
    ],
    ids=lambda words: words[0],
)
def test_no_token_is_sent_in_clear_or_shown(  # noqa: PLR0917 - what is called, and how the token comes
    gate: Callable[..., Said],
    ground: Live,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    words: tuple[str, ...],
) -> None:
    file = tmp_path / "token"
    file.write_text("a.b.c")
    report = tmp_path / "report.sarif"
    report.write_text("{}")
    monkeypatch.setenv(way, "a.b.c" if way == "GATE_SERVER_TOKEN" else str(file))
    named = {"REPORT": str(report), "DEFINITION": str(ground.environment)}
    said = gate(*(named.get(word, word) for word in words), "--server", "http://gate.example.org")
    assert (said.code, said.error) == (2, "token_in_clear")
    assert "a.b.c" not in said.err


@pytest.mark.parametrize(
    "content", [SECRET, "", "a.b", f"a.b.c {SECRET}", f"{SECRET}\na.b.c", "a.b.c" * 10_000, "\xff"]
)
def test_what_is_no_token_is_not_sent_and_not_shown(
    gate: Callable[..., Said], faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content.encode("latin-1"))
    monkeypatch.setenv("GATE_SERVER_TOKEN_FILE", str(file))
    said = gate("exception", "list", "--server", faulty.url)
    assert (said.code, said.error) == (12, "token_unreadable")
    assert SECRET not in said.err
    assert faulty.seen == []


def test_a_token_file_that_is_not_there_is_said_and_nothing_is_sent(
    gate: Callable[..., Said], faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_SERVER_TOKEN_FILE", str(tmp_path / "none"))
    said = gate("exception", "list", "--server", faulty.url)
    assert (said.code, said.error) == (12, "token_unreadable")
    assert faulty.seen == []


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_name_beside_a_token_is_refused_and_nothing_is_sent(
    gate: Callable[..., Said], ground: Live, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("GATE_SERVER_TOKEN", "a.b.c")
    words: tuple[str, ...] = ("--as", "contoso/bob")
    if how == "environment":
        monkeypatch.setenv("GATE_PRINCIPAL", "contoso/bob")
        words = ()
    assert evaluate(gate, ground, faulty.url, "x", *words).error == "identity_twice"
    deny = ["exception", "deny", "EXR-aaaaaaaaaaaaaaaa", "--reason", REASON, "--server", faulty.url]
    assert gate(*deny, *words).error == "identity_twice"
    assert faulty.seen == []


def test_a_token_does_not_follow_a_redirect_to_another_server(
    gate: Callable[..., Said], faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = f"{faulty.url.replace('127.0.0.1', 'localhost')}/elsewhere"
    faulty.on("/v1/exceptions", Reply(status=302, headers={"Location": elsewhere}))
    faulty.on("/elsewhere", Reply(status=200, body=b"{}"))
    monkeypatch.setenv("GATE_SERVER_TOKEN", "a.b.c")
    gate("exception", "list", "--server", faulty.url)
    assert faulty.requests("/v1/exceptions")[0].headers["authorization"] == "Bearer a.b.c"
    assert all("authorization" not in seen.headers for seen in faulty.requests("/elsewhere"))


def test_with_a_token_no_claim_is_sent(
    gate: Callable[..., Said], ground: Live, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_SERVER_TOKEN", "a.b.c")
    evaluate(gate, ground, faulty.url, "x")
    gate("exception", "deny", "EXR-aaaaaaaaaaaaaaaa", "--reason", REASON, "--server", faulty.url)
    assert len(faulty.seen) == 2
    for seen in faulty.seen:
        assert seen.headers["authorization"] == "Bearer a.b.c"
        assert "gate-claimed-principal" not in seen.headers


def test_a_token_in_the_environment_changes_nothing_here(
    gate: Callable[..., Said], ground: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_SERVER_TOKEN", "a.b.c")
    subject = ["--kind", "pypi", "--name", "acme-here", "--version", "1.0", "--repository", f"oci:{ground.staging}"]
    said = gate("exception", "request", *subject, "--reason", REASON, "--as", "contoso/alice")
    assert said.code == 0
    assert "claimed identity: contoso/alice (not verified)" in said.err


def test_a_service_that_takes_claims_is_not_sent_a_scan(
    gate: Callable[..., Said], faulty: FaultyServer, tmp_path: Path
) -> None:
    report = tmp_path / "report.sarif"
    report.write_text("{}")
    said = gate("scan", "submit", str(report), "--digest", DIGEST, "--server", faulty.url)
    assert (said.code, said.error) == (12, "identity_claimed")
    assert gate("scan", "submit", str(report), "--digest", DIGEST).error == "identity_claimed"
    assert faulty.seen == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"<html>thanks</html>", b'{"schema": "gate.scan/1", "counts": true}'],
)
def test_an_answer_that_is_no_gates_proves_nothing(
    gate: Callable[..., Said], faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setenv("GATE_SERVER_TOKEN", "a.b.c")
    report = tmp_path / "report.sarif"
    report.write_text("{}")
    faulty.on(f"/v1/scans/{DIGEST}", Reply(status=201, body=body), method="POST")
    said = gate("scan", "submit", str(report), "--digest", DIGEST, "--server", faulty.url)
    assert (said.code, said.error, said.out) == (12, "service_answer", "")


def test_an_answer_about_other_bytes_or_another_image_proves_nothing(
    gate: Callable[..., Said], faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_SERVER_TOKEN", "a.b.c")
    report = tmp_path / "report.sarif"
    report.write_text("{}")
    good = {"schema": "gate.scan/1", "digest": DIGEST, "submitter": "t/o", "scanner": True, "counts": True}
    own = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    for change in ({"report": DIGEST}, {"report": own, "digest": own}, {"report": own, "counts": True, "code": "x"}):
        faulty.on(f"/v1/scans/{DIGEST}", Reply(status=201, body=json.dumps(good | change).encode()), method="POST")
        said = gate("scan", "submit", str(report), "--digest", DIGEST, "--server", faulty.url)
        assert (said.code, said.error) == (12, "service_answer")


def test_here_a_scan_is_filed_by_whom_the_token_proves(
    gate: Callable[..., Said], world: Tokened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "report.sarif"
    report.write_text(json.dumps({"version": "2.1.0", "runs": [{}]}))
    for name, value in {
        "GATE_TOKEN_AUDIENCES": AUDIENCE,
        "GATE_AZURE_TENANT": TENANT,
        "GATE_AZURE_AUTHORITY": world.entra.address,
        "GATE_SERVER_TOKEN": token(world.scanner),
        "GATE_HOME": str(tmp_path / "home"),
    }.items():
        monkeypatch.setenv(name, value)
    said = gate("scan", "submit", str(report), "--digest", DIGEST)
    assert (said.code, said.err) == (10, "")
    assert "not_a_scanner" in said.out
    monkeypatch.setenv("GATE_SERVER_TOKEN", token(world.pipeline))
    assert gate("scan", "submit", str(report), "--digest", DIGEST).error == "role_lacking"
    monkeypatch.setenv("GATE_SERVER_TOKEN", token(world.person(ALICE, "Gate.Scan", aud="api://another")))
    assert gate("scan", "submit", str(report), "--digest", DIGEST).error == "token_audience"
