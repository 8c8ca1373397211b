"""The whole life of an exception over HTTP, to the evaluation that it lets pass."""

from __future__ import annotations

from typing import Any

import pytest
from service.inprocess import ALICE, BOB, TestClient, bundle, evaluate, problem
from service.live import Live, ground_in

from gate.demo import wheels

CHURN = "requirements-churn.txt"
REASON = "features of the churn model, reviewed"
PYPI_WHEEL = "six-1.17.0-py2.py3-none-any.whl"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Live:
    """Have a ground of its own: what is granted here must not let pass what other tests see discarded."""
    return ground_in(tmp_path_factory.mktemp("excepted"))


def wheel(ground: Live) -> dict[str, Any]:
    path = wheels.private_wheel(ground.folder / "private")
    return {"file": (path.name, path.read_bytes())}


@pytest.fixture(scope="module")
def discarded(client: TestClient, ground: Live) -> str:
    """Return the draft for the private wheel that a discard opened."""
    ground.push("needs-one", private=True)
    account = evaluate(client, ground, "needs-one", environment=CHURN)
    assert account["outcome"] == "discard"
    (name,) = {one["request"] for one in account["reasons"] if one["rule"] == "component-origin" and one["request"]}
    request: str = name
    return request


def test_from_the_draft_to_the_promotion(client: TestClient, ground: Live, discarded: str) -> None:
    path = f"/v1/exceptions/{discarded}"
    draft = client.get(path)
    assert (draft.json()["request"]["state"], draft.headers["etag"]) == ("draft", '"1"')

    problem(client.post(f"{path}/approve", files=wheel(ground), headers=BOB), 409, "not_requested")
    filed = client.post("/v1/exceptions", json={"request": discarded, "reason": REASON}, headers=ALICE)
    assert (filed.status_code, filed.headers["location"], filed.headers["etag"]) == (201, path, '"2"')
    again = client.post("/v1/exceptions", json={"request": discarded, "reason": REASON}, headers=ALICE)
    assert again.json() == filed.json()

    own = client.post(f"{path}/approve", files=wheel(ground), headers=ALICE)
    problem(own, 403, "self_approval")
    shouting = client.post(f"{path}/approve", files=wheel(ground), headers={"Gate-Claimed-Principal": "CONTOSO/Alice"})
    problem(shouting, 403, "self_approval")
    other = {"file": (PYPI_WHEEL, (ground.wheels / PYPI_WHEEL).read_bytes())}
    problem(client.post(f"{path}/approve", files=other, headers=BOB), 422, "wrong_package")
    stale = client.post(f"{path}/approve", files=wheel(ground), data={"expected": "1"}, headers=BOB)
    problem(stale, 409, "request_changed")
    assert client.get(path).json() == filed.json()

    form = {"duration": "P7D", "comment": "source reviewed", "ticket": "ML-42", "expected": "2"}
    approved = client.post(f"{path}/approve", files=wheel(ground), data=form, headers=BOB)
    assert approved.status_code == 200, approved.text
    shown = approved.json()
    assert (shown["request"]["state"], shown["grant"]["approver"]["object_id"]) == ("approved", "bob")
    assert shown["grant"]["files"][0]["filename"] == wheel(ground)["file"][0]
    problem(client.post(f"{path}/approve", files=wheel(ground), headers=BOB), 409, "already_decided")

    ground.push("needs-one", private=True)
    account = evaluate(client, ground, "needs-one", environment=CHURN)
    assert (account["outcome"], account["exit_code"]) == ("promote", 0)
    name = "acme-churn-features==1.0\n"
    assert client.post("/v1/checks", json=bundle(requirements_txt=name)).json()["verdict"] == "safelisted"


def file(client: TestClient, ground: Live, name: str) -> str:
    subject = {"kind": "pypi", "name": name, "version": "1.0", "repository": f"oci:{ground.staging}"}
    answer = client.post("/v1/exceptions", json={"subject": subject, "reason": REASON}, headers=ALICE)
    assert answer.status_code == 201, answer.text
    request: str = answer.json()["request"]["id"]
    return request


def test_a_denial_has_a_reason_and_is_final_until_it_is_asked_again(client: TestClient, ground: Live) -> None:
    path = f"/v1/exceptions/{file(client, ground, 'acme-denied')}"
    problem(client.post(f"{path}/deny", json={"reason": ""}, headers=BOB), 422, "reason_missing")
    problem(
        client.post(f"{path}/deny", json={"reason": "not needed any more", "x": 1}, headers=BOB), 422, "request_invalid"
    )
    denied = client.post(f"{path}/deny", json={"reason": "use the public one", "expected": 1}, headers=BOB).json()
    assert (denied["request"]["state"], denied["request"]["comment"]) == ("denied", "use the public one")
    problem(client.post(f"{path}/deny", json={"reason": "use the public one"}, headers=BOB), 409, "already_decided")
    assert client.get(path).json() == denied


def test_pages_follow_each_other_and_conditions_hold_together(client: TestClient, ground: Live) -> None:
    filed = {file(client, ground, f"acme-paged-{number}") for number in range(5)}
    conditions = {"state": "requested", "kind": "pypi", "repository": f"oci:{ground.staging}", "limit": 2}
    seen: list[str] = []
    cursor = ""
    while True:
        page = client.get("/v1/exceptions", params={**conditions, "cursor": cursor}).json()
        seen += [one["id"] for one in page["requests"]]
        cursor = page["next"]
        if not cursor:
            break
    assert len(seen) == len(set(seen))
    assert filed <= set(seen)
    one = client.get("/v1/exceptions", params={"name": "acme-paged-3"}).json()
    assert [request["subject"]["name"] for request in one["requests"]] == ["acme-paged-3"]
    assert client.get("/v1/exceptions", params={"repository": "elsewhere"}).json()["requests"] == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("cursor=odd", 400, "bad_cursor"),
        ("cursor=0001-01-01T00:00:00%2B23:59~EXR-a", 400, "bad_cursor"),
        ("state=granted", 422, "request_invalid"),
        ("kind=npm", 422, "request_invalid"),
        ("limit=0", 422, "request_invalid"),
    ],
)
def test_a_condition_that_is_none_is_refused(client: TestClient, query: str, status: int, code: str) -> None:
    problem(client.get(f"/v1/exceptions?{query}"), status, code)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"duration": "for ever"}, "request_invalid"),
        ({"duration": "P99999999999D"}, "request_invalid"),
        ({"duration": "P3000D"}, "too_long"),
        ({"duration": "-P1D"}, "duration_not_positive"),
        ({"expected": "0"}, "request_invalid"),
        ({"expected": "9" * 30}, "request_invalid"),
        ({"scope": "/"}, "scope_too_wide"),
        ({"scope": "elsewhere/app"}, "scope_elsewhere"),
        ({"comment": "x" * 100_000}, "reason_too_long"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_terms_that_policy_does_not_know_grant_nothing(
    client: TestClient, ground: Live, form: dict[str, str], code: str
) -> None:
    path = f"/v1/exceptions/{file(client, ground, 'acme-churn-features')}"
    problem(client.post(f"{path}/approve", files=wheel(ground), data=form, headers=BOB), 422, code)
    assert client.get(path).json()["grant"] is None


def test_an_approval_without_its_file_or_its_approver_grants_nothing(client: TestClient, ground: Live) -> None:
    path = f"/v1/exceptions/{file(client, ground, 'acme-fileless')}"
    problem(client.post(f"{path}/approve", headers=BOB), 422, "no_file")
    problem(client.post(f"{path}/approve", data={"file": "a text"}, headers=BOB), 422, "request_invalid")
    problem(client.post(f"{path}/approve", files={"file": ("x.whl", b"no zip")}, headers=BOB), 422, "wheel_filename")
    broken = {**BOB, "Content-Type": "multipart/form-data"}
    problem(client.post(f"{path}/approve", content=b"--x", headers=broken), 400, "bad_request")
    problem(client.post(f"{path}/approve", files=wheel(ground)), 403, "identity_missing")
    problem(client.post("/v1/exceptions", json={"request": "x", "reason": REASON}), 403, "identity_missing")
    problem(client.post(f"{path}/deny", json={"reason": REASON}), 403, "identity_missing")
    assert client.get(path).json()["request"]["state"] == "requested"


def test_a_request_that_is_not_there_is_not_found(client: TestClient, ground: Live) -> None:
    problem(client.get("/v1/exceptions/EXR-aaaaaaaaaaaaaaaa"), 404, "not_found")
    absent = "/v1/exceptions/EXR-aaaaaaaaaaaaaaaa/approve"
    problem(client.post(absent, files=wheel(ground), headers=BOB), 404, "not_found")
