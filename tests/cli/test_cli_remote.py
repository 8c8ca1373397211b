"""`gate evaluate --server`: what is sent is what was read here, and no answer is taken for more than it proves."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from evaluation.input_world import Said
from fastapi import FastAPI
from servers.faulty import FaultyServer, Reply
from service.inprocess import application, serving
from service.live import Live

from gate.bounds import DefinitionBounds
from gate.cli.remote import bundled
from gate.errors import InputError

IMAGE = "registry.example.org/staging/app:1"
RUN = "EVL-1"
ACCOUNT: dict[str, Any] = {
    "schema": "gate.evaluation/1",
    "id": RUN,
    "state": "submitted",
    "repository": "registry.example.org/staging/app",
    "tag": "1",
    "exit_code": 11,
}
FAILED = ACCOUNT | {"state": "failed", "exit_code": 12, "failure": {"code": "x", "message": "it failed"}}


@pytest.fixture(scope="module")
def server(ground: Live) -> Iterator[str]:
    with application(ground) as client:
        app = client.app
        assert isinstance(app, FastAPI)
        with serving(app) as address:
            yield address


@pytest.fixture
def evaluate(gate: Callable[..., Said], ground: Live, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    monkeypatch.setenv("GATE_BOUND_HTTP_ATTEMPTS", "1")
    monkeypatch.setenv("GATE_BOUND_HTTP_READ", "40")

    def call(image: str, address: str, *words: str, environment: str = "requirements.txt") -> Said:
        definition = str(ground.folder / environment)
        return gate("evaluate", image, "--environment", definition, "--server", address, *words)

    return call


@pytest.mark.parametrize("code", [0, 10, 11])
def test_the_service_does_it_and_the_step_ends_in_its_code(
    evaluate: Callable[..., Said], server: str, ground: Live, code: int
) -> None:
    ref = ground.push(f"remote-{code}", private=code == 10, scanned=code != 11)
    environment = "requirements-churn.txt" if code == 10 else "requirements.txt"
    said = evaluate(f"{ref.place}:{ref.tag}", server, "--format", "json", environment=environment)
    assert (said.code, said.err) == (code, "")
    assert json.loads(said.out)["digest"] == ref.digest


def test_who_does_not_wait_is_told_how_far_it_is_and_that_is_no_pass(
    evaluate: Callable[..., Said], faulty: FaultyServer
) -> None:
    faulty.on("/v1/evaluations", Reply(status=202, body=json.dumps(ACCOUNT).encode()), method="POST")
    faulty.on(f"/v1/evaluations/{RUN}", Reply(body=json.dumps(ACCOUNT).encode()))
    said = evaluate(IMAGE, faulty.url, "--deadline", "0")
    assert said.code == 11
    assert said.out.startswith("UNDER WAY")
    assert faulty.requests(f"/v1/evaluations/{RUN}") == []
    (sent,) = faulty.requests("/v1/evaluations")
    assert sent.headers["gate-claimed-principal"] == "local/pipeline"
    assert len(sent.headers["idempotency-key"]) == 32


@pytest.mark.parametrize(
    ("image", "error"),
    [("oci:staging:1", "usage"), ("oci:./staging:1", "usage"), ("https://x.example/a", "bad_image_reference")],
)
def test_an_image_that_is_not_the_services_is_not_sent(
    evaluate: Callable[..., Said], faulty: FaultyServer, image: str, error: str
) -> None:
    said = evaluate(image, faulty.url)
    assert (said.code, said.error) == (2, error)
    assert faulty.seen == []


def decided(**more: Any) -> dict[str, Any]:
    return ACCOUNT | {"state": "promoted", "outcome": "promote", "exit_code": 0} | more


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b"[]",
        b"[" * 100_000,
        b"<html>all is well</html>",
        decided(),
        decided(decision=None, digest="sha256:" + "1" * 64),
        ACCOUNT | {"exit_code": 0},
        ACCOUNT | {"outcome": "promote", "exit_code": 0},
        ACCOUNT | {"state": "fine"},
        ACCOUNT | {"schema": "gate.evaluation/2"},
        ACCOUNT | {"id": ""},
        ACCOUNT | {"repository": "registry.example.org/staging/another"},
        ACCOUNT | {"note": "trust me"},
        FAILED | {"exit_code": 0},
        FAILED | {"failure": None, "exit_code": 11},
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("when", ["submitted", "waited for"])
def test_an_answer_that_proves_nothing_is_no_verdict(
    evaluate: Callable[..., Said], faulty: FaultyServer, said: Any, when: str
) -> None:
    odd = Reply(body=said if isinstance(said, bytes) else json.dumps(said).encode())
    sound = Reply(body=json.dumps(ACCOUNT).encode())
    faulty.on("/v1/evaluations", odd if when == "submitted" else sound, method="POST")
    faulty.on(f"/v1/evaluations/{RUN}", odd)
    ended = evaluate(IMAGE, faulty.url)
    assert (ended.code, ended.error, ended.out) == (12, "service_answer", "")


def test_another_run_or_another_digest_is_not_the_one_that_was_asked_for(
    evaluate: Callable[..., Said], faulty: FaultyServer
) -> None:
    faulty.on("/v1/evaluations", Reply(body=json.dumps(ACCOUNT).encode()), method="POST")
    faulty.on(f"/v1/evaluations/{RUN}", Reply(body=json.dumps(FAILED | {"id": "EVL-2"}).encode()))
    assert evaluate(IMAGE, faulty.url).error == "service_answer"
    pinned = ACCOUNT | {"digest": "sha256:" + "2" * 64}
    faulty.on("/v1/evaluations", Reply(body=json.dumps(pinned).encode()), method="POST")
    image = "registry.example.org/staging/app@sha256:" + "1" * 64
    assert evaluate(image, faulty.url).error == "service_answer"


def test_a_failed_run_is_reported_as_failed(evaluate: Callable[..., Said], faulty: FaultyServer) -> None:
    faulty.on("/v1/evaluations", Reply(body=json.dumps(ACCOUNT).encode()), method="POST")
    faulty.on(
        f"/v1/evaluations/{RUN}", Reply(body=json.dumps(ACCOUNT).encode()), Reply(body=json.dumps(FAILED).encode())
    )
    said = evaluate(IMAGE, faulty.url)
    assert said.code == 12
    assert "error[x]: it failed" in said.out


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, 2, "bad_image_reference"),
        (403, 12, "not_loopback"),
        (404, 12, "tag_absent"),
        (409, 12, "not_staging"),
        (413, 12, "body_too_large"),
        (422, 12, "definition_unreadable"),
        (500, 12, "unforeseen"),
        (502, 12, "upstream_failed"),
        (503, 12, "store_busy"),
    ],
)
def test_a_refusal_of_the_service_is_the_same_refusal_here(
    evaluate: Callable[..., Said], faulty: FaultyServer, status: int, code: int, error: str
) -> None:
    said = {"code": error, "detail": "no:\x1b[31m\n because", "hint": "do this", "facts": {"evaluation": "EVL-9"}}
    faulty.on("/v1/evaluations", Reply(status=status, body=json.dumps(said).encode()), method="POST")
    ended = evaluate(IMAGE, faulty.url)
    assert (ended.code, ended.error, ended.out) == (code, error, "")
    assert ended.err.splitlines() == [f"error[{error}]: no: [31m because", "  evaluation: EVL-9", "  next: do this"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=401), "service_answer"),
        (Reply(status=429), "upstream_throttled"),
        (Reply(drop=True), "upstream_unreachable"),
        (Reply(status=500, body=b"oops"), "service_answer"),
        (Reply(status=404), "service_answer"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_service_that_fails_lets_nothing_pass(
    evaluate: Callable[..., Said], faulty: FaultyServer, reply: Reply, error: str
) -> None:
    faulty.on("/v1/evaluations", reply, method="POST")
    ended = evaluate(IMAGE, faulty.url)
    assert (ended.code, ended.error, ended.out) == (12, error, "")


def contents(bundle: dict[str, Any]) -> dict[str, str]:
    return {one["path"]: base64.b64decode(one["content"]).decode() for one in bundle["files"]}


def test_what_a_definition_includes_is_sent_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "requirements.txt").write_text("-r ../base.txt\n")
    (tmp_path / "base.txt").write_text("six\n")
    (tmp_path / "secret.txt").write_text("hunter2\n")
    sent = bundled([Path("app/requirements.txt"), Path("app/requirements.txt")], DefinitionBounds())
    assert sent["entries"] == ["app/requirements.txt"]
    assert contents(sent) == {"app/requirements.txt": "-r ../base.txt\n", "base.txt": "six\n"}


def test_definitions_of_the_same_name_do_not_take_each_others_place(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text(f"{name}\n")
    sent = bundled([tmp_path / "one" / "requirements.txt", tmp_path / "two" / "requirements.txt"], DefinitionBounds())
    assert sent["entries"] == ["0/requirements.txt", "1/requirements.txt"]
    assert contents(sent) == {"0/requirements.txt": "one\n", "1/requirements.txt": "two\n"}


def test_a_folder_is_sent_with_the_definitions_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "requirements.txt").write_text("six\n")
    sent = bundled([Path("app")], DefinitionBounds())
    assert (sent["entries"], contents(sent)) == (["app"], {"app/requirements.txt": "six\n"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as refused:
        bundled([Path("empty")], DefinitionBounds())
    assert refused.value.error_code == "definition_unreadable"


@pytest.mark.parametrize("name", ["nowhere.txt", "large.txt"])
def test_a_definition_that_can_not_be_read_is_not_sent(tmp_path: Path, name: str) -> None:
    (tmp_path / "large.txt").write_text("#" * 101)
    with pytest.raises(InputError):
        bundled([tmp_path / name], DefinitionBounds(file_bytes=100))


def test_a_file_that_goes_away_or_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("six\n")

    def gone(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "open", gone)
    with pytest.raises(InputError) as refused:
        bundled([file], DefinitionBounds())
    assert "No such file" in refused.value.message
