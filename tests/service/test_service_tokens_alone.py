"""Applications of their own: one that takes no tokens, and some whose authority fails or is watched."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from azure_world.sim_tokens import ALICE, private_key
from servers.certificates import Certificate
from service.inprocess import application, caller_from, problem
from service.live import Live
from service.tokened import tokened

from gate.service.tokens import OPEN

REASON = "features of the churn model, reviewed"
REQUEST = "EXR-aaaaaaaaaaaaaaaa"
DIGEST = "sha256:" + "1" * 64
TOKEN = {"Authorization": "Bearer a.b.c"}


def test_without_tokens_configured_a_token_is_no_identity_and_nobody_elsewhere_is_answered(ground: Live) -> None:
    with application(ground) as plain:
        body = {"request": REQUEST, "reason": REASON}
        problem(plain.post("/v1/exceptions", json=body, headers=TOKEN), 403, "identity_missing")
        problem(caller_from(plain, "10.0.0.1").get("/healthz", headers=TOKEN), 403, "not_loopback")
        report = {"version": "2.1.0", "runs": [{}]}
        claimed = {"Gate-Claimed-Principal": "contoso/scanner"}
        problem(plain.post(f"/v1/scans/{DIGEST}", json=report, headers=claimed), 403, "identity_claimed")
        problem(plain.post(f"/v1/scans/{DIGEST}", json=report, headers=TOKEN), 403, "identity_missing")


def test_keys_that_can_not_be_had_are_503_and_not_200(ground: Live, tls_certificate: Certificate) -> None:
    with tokened(ground, tls_certificate) as world:
        world.entra.status = 500
        answer = world.client.get("/v1/exceptions", headers=world.alice)
        problem(answer, 503, "keys_unreachable")
        assert answer.headers["retry-after"] == "10"
        assert "www-authenticate" not in answer.headers
        assert world.client.get("/readyz").status_code == 200


def test_no_token_is_ever_kept_or_logged(
    ground: Live, tls_certificate: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    subject = {"kind": "pypi", "name": "acme-kept", "version": "1.0", "repository": f"oci:{ground.staging}"}
    wanted = {"subject": subject, "reason": REASON}
    with tokened(ground, tls_certificate) as world:
        good = world.person(ALICE, "Gate.Request")
        world.client.post("/v1/exceptions", json=wanted, headers=good)
        bad = world.person(ALICE, "Gate.Request", signed_by=private_key("evil"))
        shown = [
            world.client.post("/v1/exceptions", json=wanted, headers=bad).text,
            world.client.get("/nothing", headers=good).text,
        ]
    ground_files = [path for path in (ground.folder / "home").rglob("*") if path.is_file()]
    assert ground_files
    for headers in (good, bad):
        for part in headers["Authorization"].removeprefix("Bearer ").split("."):
            assert part not in caplog.text
            assert all(part not in text for text in shown)
            assert not [path for path in ground_files if part.encode() in Path(path).read_bytes()]


def test_probes_cost_no_question_to_the_authority(ground: Live, tls_certificate: Certificate) -> None:
    with tokened(ground, tls_certificate) as world:
        for path in OPEN:
            world.client.get(path, headers={"Authorization": "Bearer a.b.c"})
        assert world.entra.fetched == []
