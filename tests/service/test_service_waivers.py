"""A vulnerability that no version fixes: from the discard over the draft and two people's tokens to the promotion."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from azure_world.sim_tokens import ALICE, BOB, PIPELINE
from servers.certificates import Certificate
from servers.processes import run
from service.inprocess import problem, submission
from service.live import Live, ground_in
from service.tokened import Tokened, tokened

from gate.demo.stage import ADVISORIES

UNFIXED = {
    "schema_version": "1.6.0",
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2026-4242"],
    "modified": "2026-07-12T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "six"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
        }
    ],
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
}
"""An advisory that nobody wrote, about a package that the images have."""
REASON = "the vulnerable parser is never called by the model"
WHY = "vulnerable_code_not_in_execute_path"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Live:
    """Have a ground of its own, whose advisories know of a vulnerability without a fix."""
    live = ground_in(tmp_path_factory.mktemp("waived"))
    facts = live.folder / "unfixed.jsonl"
    facts.write_text("".join(json.dumps(record) + "\n" for record in (*ADVISORIES, UNFIXED)))
    run([sys.executable, "-m", "gate", "data", "import", "osv-pypi", str(facts)], environ=live.environ)
    return live


@pytest.fixture(scope="module")
def world(ground: Live, tls_certificate: Certificate) -> Iterator[Tokened]:
    with tokened(ground, tls_certificate) as made:
        yield made


def evaluated(world: Tokened, ground: Live, tag: str) -> Any:
    ground.push(tag)
    begun = world.client.post("/v1/evaluations", json=submission(ground, tag), headers=world.pipeline)
    return world.client.get(begun.headers["Location"], params={"wait": 30}, headers=world.pipeline).json()


def test_from_the_discard_over_the_draft_to_the_promotion(world: Tokened, ground: Live) -> None:
    account = evaluated(world, ground, "unfixed")
    assert account["outcome"] == "discard", account["reasons"]
    (blocking,) = [one for one in account["reasons"] if one["rule"] == "findings" and one["status"] == "fail"]
    assert account["requests"] == [blocking["request"]]

    path = f"/v1/exceptions/{blocking['request']}"
    draft = world.client.get(path, headers=world.alice).json()["request"]
    assert (draft["state"], draft["evaluation"]) == ("draft", account["id"])
    subject = {"kind": "pypi", "name": "six", "version": "1.17.0", "vulnerability": "CVE-2026-4242"}
    assert draft["subject"] == {**subject, "repository": f"oci:{ground.staging}"}

    filing = {"request": blocking["request"], "reason": REASON}
    problem(world.client.post("/v1/exceptions", json=filing, headers=world.alice), 422, "justification_missing")
    robot = world.service(PIPELINE, "Gate.Request", "Gate.Approve")
    whole = filing | {"justification": WHY}
    problem(world.client.post("/v1/exceptions", json=whole, headers=robot), 403, "service_cannot_request")
    odd = filing | {"justification": "we_checked"}
    problem(world.client.post("/v1/exceptions", json=odd, headers=world.alice), 422, "request_invalid")
    problem(world.client.post(f"{path}/approve", headers=world.bob), 409, "not_requested")
    filed = world.client.post("/v1/exceptions", json=whole, headers=world.alice)
    assert filed.status_code == 201, filed.text
    assert filed.json()["request"]["requester"]["object_id"] == ALICE

    own = world.person(ALICE, "Gate.Approve")
    problem(world.client.post(f"{path}/approve", headers=own), 403, "self_approval")
    problem(world.client.post(f"{path}/approve", headers=robot), 403, "service_cannot_approve")
    problem(world.client.post(f"{path}/approve", headers=world.alice), 403, "role_lacking")
    wheel = {"file": ("six-1.17.0-py2.py3-none-any.whl", b"x")}
    problem(world.client.post(f"{path}/approve", files=wheel, headers=world.bob), 422, "waiver_has_file")
    too_wide = world.client.post(f"{path}/approve", data={"scope": "/"}, headers=world.bob)
    problem(too_wide, 422, "scope_too_wide")
    assert evaluated(world, ground, "unfixed-still")["outcome"] == "discard"

    approved = world.client.post(f"{path}/approve", data={"duration": "P7D", "ticket": "SEC-7"}, headers=world.bob)
    assert approved.status_code == 200, approved.text
    waiver = approved.json()["grant"]
    assert (waiver["approver"]["object_id"], waiver["approver"]["claimed"], waiver["files"]) == (BOB, False, [])
    assert waiver["waives"] == {"vulnerability": "CVE-2026-4242", "justification": WHY}

    account = evaluated(world, ground, "waived")
    assert account["outcome"] == "promote", account["reasons"]
    (hidden,) = [one for one in account["reasons"] if one["code"] == "waived"]
    assert waiver["id"] in hidden["reason"]
    assert account["requests"] == []


def test_a_waiver_asked_for_by_name_is_the_drafts_own_request(world: Tokened, ground: Live) -> None:
    subject = {"kind": "pypi", "name": "Six", "version": "1.17.0", "vulnerability": "CVE-2026-9"}
    body = {"subject": {**subject, "repository": f"oci:{ground.staging}"}, "reason": REASON, "justification": WHY}
    filed = world.client.post("/v1/exceptions", json=body, headers=world.alice)
    request = filed.json()["request"]
    assert (request["subject"]["name"], request["justification"]) == ("six", WHY)
    listed = world.client.get("/v1/exceptions", params={"name": "six"}, headers=world.alice).json()["requests"]
    assert request["id"] in {one["id"] for one in listed}
    denied = world.client.post(f"/v1/exceptions/{request['id']}/deny", json={"reason": "it is"}, headers=world.bob)
    assert (denied.json()["request"]["state"], denied.json()["grant"]) == ("denied", None)
