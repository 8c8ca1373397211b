"""What every request passes: who may call, and that no failure leaves as anything but a problem."""

from __future__ import annotations

import json
import logging
from typing import Any, NoReturn

import pytest
from service.inprocess import TestClient, caller_from, problem

from gate.errors import BusyError
from gate.wiring import Gate

JSON = {"Content-Type": "application/json"}
SECRET = "postgresql://gate:hunter2@db.example.org/gate"  # noqa: S105 - what must not be seen


@pytest.mark.parametrize("address", ["192.168.1.7", "10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "testclient", ""])
def test_another_machine_is_not_answered(client: TestClient, address: str) -> None:
    problem(caller_from(client, address).get("/healthz"), 403, "not_loopback")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_this_machine_is_answered(client: TestClient, address: str) -> None:
    assert caller_from(client, address).get("/healthz").json() == {"status": "alive"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:8080", "[::1]", "127.0.0.1:1"])
def test_the_machine_may_be_called_by_its_own_names(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "gate.example.org",
        "127.0.0.1.example.org",
        "localhost.example.org",
        "evil.example:80@127.0.0.1",
        "0.0.0.0",  # noqa: S104 - refused
        "[::]",
        "192.168.1.7:8080",
        "::1",
        "127.0.0.1:port",
        "127.0.0.1/x",
        "2130706433",
        "[::1",
        "",
    ],
)
def test_a_name_that_is_not_this_machines_own_is_refused(client: TestClient, host: str) -> None:
    problem(client.get("/healthz", headers={"Host": host}), 403, "not_loopback")


def test_two_names_are_none(client: TestClient) -> None:
    twice = [("Host", "127.0.0.1"), ("Host", "gate.example.org")]
    problem(client.get("/healthz", headers=twice), 403, "not_loopback")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://"])
def test_a_web_page_of_elsewhere_can_not_call_through_a_browser(client: TestClient, origin: str) -> None:
    problem(client.get("/healthz", headers={"Origin": origin}), 403, "not_loopback")
    assert client.get("/healthz", headers={"Origin": "http://localhost:3000"}).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_what_was_passed_on_from_elsewhere_is_refused(client: TestClient, header: str) -> None:
    problem(client.get("/healthz", headers={header: "10.0.0.1"}), 403, "not_loopback")


def test_every_answer_has_the_headers_that_keep_it_harmless(client: TestClient) -> None:
    for answer in (client.get("/healthz"), client.get("/nothing"), caller_from(client, "10.0.0.1").get("/healthz")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "private, no-cache"
        assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/exceptions/", "/V1/exceptions", "/docs", "/v1/evaluations"])
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    status, code = (405, "method_not_allowed") if path == "/v1/evaluations" else (404, "not_found")
    problem(client.get(path), status, code)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "BREW"])
def test_a_method_that_is_none_is_refused_with_those_that_are(client: TestClient, method: str) -> None:
    answer = client.request(method, "/v1/exceptions")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_head_says_what_get_would_say(client: TestClient) -> None:
    head, get = client.head("/v1/exceptions"), client.get("/v1/exceptions")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers
    assert int(head.headers["content-length"]) == len(get.content)
    assert client.head("/v1/evaluations").status_code == 405


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", JSON, 422, "request_invalid"),
        (b"{", JSON, 422, "request_invalid"),
        (b"[" * 200_000, JSON, 400, "bad_request"),
        (b"\xff\xfe", JSON, 422, "request_invalid"),
        (b'{"files": 1, "entries": []}', JSON, 422, "request_invalid"),
        (b'{"\\ud800\\u001b[31m": 1}', JSON, 422, "request_invalid"),
        (b'{"files": [{"path": "\\ud800", "content": ""}], "entries": ["x"]}', JSON, 422, "request_invalid"),
        (b'{"files": [], "entries": ["x"], "mode": "lax"}', JSON, 422, "request_invalid"),
        (b"{}", {"Content-Type": "text/plain"}, 422, "request_invalid"),
        (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 422, "request_invalid"),
        (b"9" * 5000, JSON, 400, "bad_request"),
    ],
)
def test_a_body_that_is_not_what_it_must_be_is_a_problem(
    client: TestClient, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    said = problem(client.post("/v1/checks", content=body, headers=headers), status, code)
    assert said["detail"].isprintable()


def test_a_thousand_errors_are_said_in_a_few_lines_without_secrets(client: TestClient) -> None:
    files = [{"path": SECRET, "content": "!", "x" * 500: 1}] * 1000
    said = problem(client.post("/v1/checks", json={"files": files, "entries": ["a"]}), 422, "request_invalid")
    assert len(json.dumps(said)) < 5000
    assert "more" in said["detail"]
    assert "hunter2" not in json.dumps(said)


class Broken:
    """A desk at which something happens that nobody foresaw, or somebody holds the database."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def list(self, *_: Any) -> NoReturn:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(RuntimeError(SECRET), 500, "unforeseen"), (BusyError(f"locked: {SECRET}"), 503, "store_busy")],
)
def test_no_failure_leaves_with_its_text_or_a_traceback(
    client: TestClient, caplog: pytest.LogCaptureFixture, error: Exception, status: int, code: str
) -> None:
    gate: Gate = client.app.state.gate_state.gate  # type: ignore[attr-defined]  # the client types it as any ASGI app
    kept = gate.desk
    object.__setattr__(gate, "desk", Broken(error))
    try:
        with caplog.at_level(logging.INFO):
            answer = client.get("/v1/exceptions")
    finally:
        object.__setattr__(gate, "desk", kept)
    said = problem(answer, status, code)
    assert "hunter2" not in answer.text + caplog.text
    assert answer.headers.get("retry-after") == ("1" if code == "store_busy" else None)
    if code == "unforeseen":
        assert "gate" in caplog.text
        assert "RuntimeError" in said["detail"]
