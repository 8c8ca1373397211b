"""How much may be sent to the service, announced or not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from service.inprocess import ALICE, TestClient, application, bundle, problem
from service.live import Live

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("narrow")
    bounds = {"GATE_BOUND_SERVICE_BODY_BYTES": "2000", "GATE_BOUND_SERVICE_UPLOAD_BYTES": "9000"}
    own = Live(url="", folder=folder, environ={"GATE_HOME": str(folder), "HOME": str(folder)})
    with application(own, **bounds) as client:
        yield client


def test_a_body_that_is_too_large_is_cut_off(narrow: TestClient) -> None:
    small, large = bundle(requirements_txt="six==1.17.0\n"), bundle(requirements_txt="x" * 3000)
    assert narrow.post("/v1/checks", json=small).status_code == 200
    problem(narrow.post("/v1/checks", json=large), 413, "body_too_large")
    parts = (json.dumps(large)[start : start + 100].encode() for start in range(0, 5000, 100))
    problem(narrow.post("/v1/checks", content=parts, headers=JSON), 413, "body_too_large")
    for length in ("9" * 30, "-1", "1e3"):
        problem(
            narrow.post("/v1/checks", content=b"{}", headers={**JSON, "Content-Length": length}), 413, "body_too_large"
        )


def test_an_upload_has_a_bound_of_its_own(narrow: TestClient) -> None:
    path = "/v1/exceptions/EXR-aaaaaaaaaaaaaaaa/approve"
    wheel = {"file": ("x-1-py3-none-any.whl", b"x" * 4000)}
    problem(narrow.post(path, files=wheel, headers=ALICE), 404, "not_found")
    wheel = {"file": ("x-1-py3-none-any.whl", b"x" * 10_000)}
    problem(narrow.post(path, files=wheel, headers=ALICE), 413, "body_too_large")
