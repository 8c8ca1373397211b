"""Callers with tokens: who sends none, a wrong one or one without the role gets nothing, and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from azure_world.sim_tokens import ALICE, BOB, PIPELINE, private_key, unsigned
from fastapi import FastAPI
from servers.certificates import Certificate
from service.inprocess import TestClient, caller_from, problem, submission
from service.live import Live, ground_in
from service.tokened import Tokened, tokened

from gate.callers.roles import ROLES, Permission, roles_for
from gate.service.tokens import OPEN, needed

REASON = "features of the churn model, reviewed"
REQUEST = "EXR-aaaaaaaaaaaaaaaa"
DIGEST = "sha256:" + "1" * 64


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Live:
    return ground_in(tmp_path_factory.mktemp("tokened"))


@pytest.fixture(scope="module")
def world(ground: Live, tls_certificate: Certificate) -> Iterator[Tokened]:
    with tokened(ground, tls_certificate) as made:
        yield made


def routes(world: Tokened) -> list[tuple[str, str, tuple[Permission, ...]]]:
    """Return every operation of the document: method, a path that could be, and what it needs."""
    document = world.client.get("/openapi.json").json()
    filled = {"{evaluation}": "EVL-1", "{request_id}": REQUEST, "{digest}": DIGEST}
    found = []
    for path, operations in document["paths"].items():
        real = path
        for name, value in filled.items():
            real = real.replace(name, value)
        found += [(method.upper(), real, needed(operation)) for method, operation in operations.items()]
    return found


def test_every_route_but_the_probes_needs_a_token_and_one_of_its_roles(world: Tokened) -> None:
    checked = 0
    for method, path, wanted in routes(world):
        if path in OPEN:
            assert world.client.request(method, path).status_code == 200
            continue
        assert wanted, f"{method} {path} lets nobody in: say what it needs"
        answer = world.client.request(method, path)
        problem(answer, 401, "token_missing")
        assert answer.headers["www-authenticate"] == 'Bearer realm="gate"'
        for role in set(ROLES) - set(roles_for(wanted)):
            refused = world.client.request(method, path, headers=world.person(ALICE, role))
            said = problem(refused, 403, "role_lacking")
            assert roles_for(wanted)[0] in said["hint"]
            assert refused.headers["www-authenticate"] == 'Bearer realm="gate", error="insufficient_scope"'
        for role in roles_for(wanted):
            assert world.client.request(method, path, headers=world.person(ALICE, role)).status_code not in {401, 403}
        checked += 1
    assert checked >= 11


@pytest.mark.parametrize("path", ["/", "/nothing", "/v1/exceptions/", "/docs", "/healthz/", "/v1/evaluations/../../x"])
def test_what_is_not_there_is_told_to_nobody_without_a_token(world: Tokened, path: str) -> None:
    problem(world.client.get(path), 401, "token_missing")
    problem(world.client.request("BREW", "/v1/exceptions"), 401, "token_missing")
    assert world.client.get(path, headers=world.alice).status_code == 404


def test_a_wrong_token_is_told_by_its_code_and_by_the_header(world: Tokened) -> None:
    wrong = world.person(ALICE, "Gate.Read", aud="api://another")
    answer = world.client.get("/v1/exceptions", headers=wrong)
    problem(answer, 401, "token_audience")
    expected = 'Bearer realm="gate", error="invalid_token", error_description="token_audience"'
    assert answer.headers["www-authenticate"] == expected
    expired = world.client.get("/v1/exceptions", headers=world.person(ALICE, "Gate.Read", exp=1_700_000_000))
    problem(expired, 401, "token_expired")
    forged = unsigned(world.entra.claims(ALICE, "Gate.Read"), alg="none", kid="key-1", signature="AAAA")
    problem(world.client.get("/v1/exceptions", headers={"Authorization": f"Bearer {forged}"}), 401, "token_algorithm")
    nothing = world.client.get("/v1/exceptions", headers=world.person(ALICE))
    problem(nothing, 403, "role_missing")
    assert "insufficient_scope" in nothing.headers["www-authenticate"]


@pytest.mark.parametrize("token", [True, False])
def test_a_claimed_identity_is_refused_and_not_passed_over(world: Tokened, token: bool) -> None:
    claimed = {"gate-CLAIMED-principal": "contoso/bob", **(world.alice if token else {})}
    said = problem(world.client.get("/v1/exceptions", headers=claimed), 403, "claim_refused")
    assert "token" in said["hint"]


def test_a_claim_of_somebody_else_files_nothing(world: Tokened, ground: Live) -> None:
    subject = {"kind": "pypi", "name": "acme-claimed", "version": "1.0", "repository": f"oci:{ground.staging}"}
    body = {"subject": subject, "reason": REASON}
    headers = {**world.alice, "Gate-Claimed-Principal": "contoso/bob"}
    problem(world.client.post("/v1/exceptions", json=body, headers=headers), 403, "claim_refused")
    found = world.client.get("/v1/exceptions", params={"name": "acme-claimed"}, headers=world.alice).json()
    assert found["requests"] == []


def test_callers_elsewhere_are_answered_by_their_token_alone(world: Tokened) -> None:
    far = caller_from(world.client, "10.0.0.1", "https://gate.example.org")
    assert far.get("/v1/exceptions", headers=world.alice).status_code == 200
    problem(far.get("/v1/exceptions"), 401, "token_missing")
    assert far.get("/healthz").status_code == 200


def test_refused_callers_have_no_byte_of_their_body_read(world: Tokened) -> None:
    """An upload of gigabytes begins after the token was looked at, or not at all."""
    app = world.client.app
    read: list[str] = []
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        read.append("a part")
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    lacking = world.person(BOB, "Gate.Request")["Authorization"].encode()
    for headers in ([], [(b"authorization", lacking)]):
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/v1/exceptions/{REQUEST}/approve",
            "raw_path": b"",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"content-type", b"multipart/form-data; boundary=x"), *headers],
            "client": ("10.0.0.1", 1),
            "server": ("gate", 80),
            "scheme": "http",
            "http_version": "1.1",
        }
        anyio.run(app, scope, receive, send)  # type: ignore[arg-type]  # the application's three parameters
    assert read == []
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [401, 403]


def file(world: Tokened, ground: Live, name: str, headers: dict[str, str]) -> Any:
    subject = {"kind": "pypi", "name": name, "version": "1.0", "repository": f"oci:{ground.staging}"}
    return world.client.post("/v1/exceptions", json={"subject": subject, "reason": REASON}, headers=headers)


def test_the_requester_is_who_the_token_proves_and_nobody_decides_their_own(world: Tokened, ground: Live) -> None:
    both = world.person(ALICE, "Gate.Request", "Gate.Approve")
    filed = file(world, ground, "acme-own", both)
    requester = filed.json()["request"]["requester"]
    assert (requester["object_id"], requester["claimed"], requester["kind"]) == (ALICE, False, "user")
    path = f"/v1/exceptions/{filed.json()['request']['id']}"
    own = world.client.post(f"{path}/approve", files={"file": ("x.whl", b"x")}, headers=both)
    problem(own, 403, "self_approval")
    renamed = world.person(ALICE.upper(), "Gate.Approve", preferred_username="bob@contoso.example", name="Bob")
    problem(
        world.client.post(f"{path}/approve", files={"file": ("x.whl", b"x")}, headers=renamed), 403, "self_approval"
    )
    assert world.client.get(path, headers=both).json() == filed.json()


def test_a_service_files_and_decides_nothing_whatever_its_roles(world: Tokened, ground: Live) -> None:
    robot = world.service(PIPELINE, "Gate.Request", "Gate.Approve")
    problem(file(world, ground, "acme-robot", robot), 403, "service_cannot_request")
    path = f"/v1/exceptions/{file(world, ground, 'acme-for-robot', world.alice).json()['request']['id']}"
    sent = {"file": ("x.whl", b"x")}
    problem(world.client.post(f"{path}/approve", files=sent, headers=robot), 403, "service_cannot_approve")
    problem(world.client.post(f"{path}/deny", json={"reason": REASON}, headers=robot), 403, "service_cannot_approve")
    assert world.client.get(path, headers=world.alice).json()["request"]["state"] == "requested"


def test_who_filed_takes_back_their_own_and_nobody_elses(world: Tokened, ground: Live) -> None:
    path = f"/v1/exceptions/{file(world, ground, 'acme-back', world.alice).json()['request']['id']}"
    stranger = world.person(BOB, "Gate.Request")
    problem(world.client.post(f"{path}/deny", json={"reason": REASON}, headers=stranger), 403, "role_lacking")
    assert world.client.get(path, headers=world.alice).json()["request"]["state"] == "requested"
    taken = world.client.post(f"{path}/deny", json={"reason": "not needed any more"}, headers=world.alice)
    assert taken.json()["request"]["state"] == "denied"


def test_an_evaluation_is_its_submitters_by_token_and_the_key_is_theirs(world: Tokened, ground: Live) -> None:
    ground.push("by-token", scanned=False)
    body = submission(ground, "by-token")
    keyed = {**world.pipeline, "Idempotency-Key": "one"}
    begun = world.client.post("/v1/evaluations", json=body, headers=keyed)
    assert begun.status_code == 202, begun.text
    ended = world.client.get(begun.headers["Location"], params={"wait": 30}, headers=world.pipeline).json()
    assert ended["state"] == "held"
    again = world.client.post("/v1/evaluations", json=body, headers=keyed | world.pipeline)
    assert again.json()["id"] == begun.json()["id"]
    other = {**world.person(ALICE, "Gate.Evaluate"), "Idempotency-Key": "one"}
    assert world.client.post("/v1/evaluations", json=body, headers=other).json()["id"] != begun.json()["id"]


def test_a_route_that_says_nothing_of_its_callers_lets_nobody_in(world: Tokened) -> None:
    app = world.client.app
    assert isinstance(app, FastAPI)

    @app.get("/v1/forgotten")
    def forgotten() -> str:
        return "secret"

    every = world.person(ALICE, *ROLES)
    said = problem(world.client.get("/v1/forgotten", headers=every), 403, "role_lacking")
    assert "none does" in said["hint"]
    app.router.routes.pop()


def test_the_document_says_how_callers_prove_who_they_are(world: Tokened) -> None:
    document = world.client.get("/openapi.json").json()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert bool(operation.get("security")) == (path not in OPEN), path
            assert "Gate-Claimed-Principal" not in [one["name"] for one in operation.get("parameters", ())]


def test_a_flood_of_tokens_is_checked_a_few_at_a_time(world: Tokened) -> None:
    """No time is asserted: that the valid ones are answered between the others is."""
    client: TestClient = world.client
    begun = time.monotonic()
    bad = world.person(ALICE, "Gate.Read", kid="unknown", signed_by=private_key("x"))
    codes = {client.get("/v1/exceptions", headers=bad).status_code for _ in range(30)}
    assert codes == {401}
    assert client.get("/v1/exceptions", headers=world.alice).status_code == 200
    assert len(world.entra.fetched) <= 2 + (time.monotonic() - begun) // 60
