"""An image over HTTP: taken in once, followed to its end, answered the same however often it is asked."""

from __future__ import annotations

import pytest
from service.inprocess import ALICE, BOB, TestClient, bundle, evaluate, events, problem, submission
from service.live import Live


def test_a_complying_image_is_taken_in_and_promoted(client: TestClient, ground: Live) -> None:
    ref = ground.push("promoted")
    begun = client.post("/v1/evaluations", json=submission(ground, "promoted"), headers=ALICE)
    assert begun.status_code == 202
    assert begun.headers["Location"] == f"/v1/evaluations/{begun.json()['id']}"
    ended = client.get(begun.headers["Location"], params={"wait": 30})
    account = ended.json()
    assert (account["state"], account["outcome"], account["exit_code"]) == ("promoted", "promote", 0), account[
        "failure"
    ]
    assert account["digest"] == account["decision"]["subject"] == ref.digest
    assert (ended.headers["Gate-State"], ended.headers["Gate-Exit-Code"]) == ("promoted", "0")
    assert account["decision"]["recorded_sources"] == ["defender"]
    assert events(ground, account["id"])[-1] == "promoted"


def test_an_image_that_does_not_comply_is_discarded_with_a_way_out(client: TestClient, ground: Live) -> None:
    ground.push("discarded", private=True)
    account = evaluate(client, ground, "discarded", environment="requirements-churn.txt")
    assert (account["state"], account["outcome"], account["exit_code"]) == ("discarded", "discard", 10)
    assert account["requests"]
    assert all(reason["way_out"] for reason in account["reasons"] if reason["status"] == "fail")
    again = client.post("/v1/evaluations", json=submission(ground, "discarded"), headers=ALICE)
    problem(again, 404, "tag_absent")


def test_an_image_without_proof_of_scan_is_held(client: TestClient, ground: Live) -> None:
    ground.push("held", scanned=False)
    account = evaluate(client, ground, "held")
    assert (account["state"], account["outcome"], account["exit_code"]) == ("held", "hold", 11)
    assert "held" in (ground.staging / "index.json").read_text()
    assert account["receipt"] == {}


def test_an_image_whose_bytes_are_not_those_of_their_digest_fails_on_record(client: TestClient, ground: Live) -> None:
    ground.push("altered", fresh=True)
    listing = (ground.staging / "index.json").read_text()
    manifest = ground.staging / "blobs" / "sha256" / listing.split("altered")[0].rsplit("sha256:", 1)[1][:64]
    layer = ground.staging / "blobs" / "sha256" / manifest.read_text().rsplit("sha256:", 1)[1][:64]
    whole = layer.read_bytes()
    layer.chmod(0o644)
    layer.write_bytes(bytes([whole[0]]) + bytes(len(whole) - 1))
    try:
        account = evaluate(client, ground, "altered", environment="requirements-churn.txt")
    finally:
        layer.write_bytes(whole)
    assert (account["state"], account["outcome"], account["exit_code"]) == ("failed", None, 12)
    assert account["failure"]["code"]
    assert account["decision"] is None
    assert events(ground, account["id"])[-1] == "failed"
    assert "altered" in (ground.staging / "index.json").read_text()


@pytest.mark.parametrize(
    ("image", "status", "code"),
    [
        ("oci:{staging}:nothing-here", 404, "tag_absent"),
        ("oci:/somewhere/else:1", 409, "not_staging"),
        ("registry.example.org/staging/app:1", 409, "not_staging"),
        ("docker:local:1", 409, "not_staging"),
    ],
)
def test_what_can_not_be_taken_in_is_refused_and_on_record(
    client: TestClient, ground: Live, image: str, status: int, code: str
) -> None:
    body = submission(ground, "x") | {"image": image.format(staging=ground.staging)}
    said = problem(client.post("/v1/evaluations", json=body, headers=ALICE), status, code)
    assert events(ground, said["facts"]["evaluation"]) == ["failed"]


def test_a_definition_that_does_not_parse_is_refused_and_on_record(client: TestClient, ground: Live) -> None:
    ground.push("unparsed")
    body = submission(ground, "unparsed") | {"environment": bundle(environment_yml="dependencies: [}")}
    said = problem(client.post("/v1/evaluations", json=body, headers=ALICE), 422, "definition_unreadable")
    assert events(ground, said["facts"]["evaluation"]) == ["failed"]


def test_an_image_that_is_none_is_wrong_usage(client: TestClient, ground: Live) -> None:
    body = submission(ground, "x") | {"image": "https://registry.example.org/app"}
    problem(client.post("/v1/evaluations", json=body, headers=ALICE), 400, "bad_image_reference")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 403, "identity_missing"),
        ({"Gate-Claimed-Principal": ""}, 403, "identity_missing"),
        ({"Gate-Claimed-Principal": "alice"}, 400, "identity_unclear"),
        ({"Gate-Claimed-Principal": "gate/system"}, 400, "identity_unclear"),
        ({"Gate-Claimed-Principal": "contoso/al ice"}, 400, "identity_unclear"),
    ],
)
def test_nobody_in_particular_submits_nothing(
    client: TestClient, ground: Live, headers: dict[str, str], status: int, code: str
) -> None:
    problem(client.post("/v1/evaluations", json=submission(ground, "x"), headers=headers), status, code)


def test_an_evaluation_that_is_not_there_is_not_found(client: TestClient) -> None:
    problem(client.get("/v1/evaluations/EVL-none", params={"wait": 5}), 404, "not_found")
    problem(client.get("/v1/evaluations/EVL-none", params={"wait": 31}), 422, "request_invalid")


def test_the_same_key_is_the_same_evaluation_even_when_its_image_is_gone(client: TestClient, ground: Live) -> None:
    ground.push("keyed", private=True)
    headers = {**ALICE, "Idempotency-Key": "one"}
    body = submission(ground, "keyed", environment="requirements-churn.txt")
    first = client.post("/v1/evaluations", json=body, headers=headers)
    ended = client.get(first.headers["Location"], params={"wait": 30}).json()
    assert ended["outcome"] == "discard"
    again = client.post("/v1/evaluations", json=body, headers=headers)
    assert (again.status_code, again.json()) == (202, ended)
    assert events(ground, ended["id"]).count("evaluation_submitted") == 1
    other = client.post("/v1/evaluations", json=submission(ground, "keyed"), headers=headers)
    problem(other, 409, "idempotency_mismatch")
    elsewhere = body | {"image": f"oci:{ground.staging}:another"}
    problem(client.post("/v1/evaluations", json=elsewhere, headers=headers), 409, "idempotency_mismatch")
    problem(client.post("/v1/evaluations", json=body, headers={**headers, **BOB}), 404, "tag_absent")


def test_what_did_not_change_is_not_sent_again(client: TestClient, ground: Live) -> None:
    ground.push("tagged", scanned=False)
    run = evaluate(client, ground, "tagged")["id"]
    first = client.get(f"/v1/evaluations/{run}")
    again = client.get(f"/v1/evaluations/{run}", headers={"If-None-Match": f'"x", W/{first.headers["ETag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert client.get(f"/v1/evaluations/{run}", headers={"If-None-Match": '"other"'}).json() == first.json()
