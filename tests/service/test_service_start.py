"""What the service does when it can't start, when its sweeper fails, and when intake fails as nobody foresaw."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import pytest
from service.inprocess import ALICE, TestClient, application, config_of, events, problem, submission
from service.live import Live

from gate.cli import main
from gate.errors import StoreError, UsageError
from gate.model.image import Transport
from gate.service.app import sweep
from gate.wiring_stores import open_writer
from gate.world import RealWorld


def test_a_sweeper_that_fails_goes_on_sweeping(caplog: pytest.LogCaptureFixture) -> None:
    stop, turns = threading.Event(), 0

    def once() -> int:
        nonlocal turns
        turns += 1
        if turns == 3:
            stop.set()
            return 1
        raise (StoreError("locked") if turns == 1 else RuntimeError("postgresql://gate:hunter2@db/gate"))

    sweep(once, stop, 0.001)
    assert turns == 3
    assert "RuntimeError" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_service_whose_engine_can_not_start_says_why_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gate.sqlite-workflow").mkdir()  # where the durable engine keeps its own tables
    monkeypatch.setenv("GATE_HOME", str(tmp_path))
    code = main(["serve", "--port", "0"])
    out, err = capfd.readouterr()
    assert (code, out) == (12, "")
    assert "error[store_unreachable]: " in err
    assert "Traceback" not in err


def test_a_service_whose_start_breaks_unforeseen_ends_in_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> NoReturn:
        message = "postgresql://gate:hunter2@db/gate"
        raise RuntimeError(message)

    monkeypatch.setenv("GATE_HOME", str(tmp_path))
    monkeypatch.setattr("gate.service.app.open_gate", broken)
    assert main(["serve", "--port", "0"]) == 12
    err = capfd.readouterr().err
    assert "error[not_started]: " in err
    assert "hunter2" not in err


def test_a_service_without_its_packages_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "gate.service.app", None)
    assert main(["serve"]) == 2
    err = capfd.readouterr().err
    assert err.startswith("error[extra_missing]")
    assert "gate[service]" in err


@pytest.fixture
def broken_intake(ground: Live, monkeypatch: pytest.MonkeyPatch) -> Any:
    def waiting(*_: object) -> NoReturn:
        message = "postgresql://gate:hunter2@db/gate"
        raise RuntimeError(message)

    monkeypatch.setattr(RealWorld, "waiting", waiting)
    with application(ground) as client:
        yield client


def test_what_nobody_foresaw_at_intake_is_on_record_and_shows_no_text(broken_intake: TestClient, ground: Live) -> None:
    answer = broken_intake.post("/v1/evaluations", json=submission(ground, "x"), headers=ALICE)
    said = problem(answer, 500, "unforeseen")
    assert "hunter2" not in answer.text
    assert events(ground, said["facts"]["evaluation"]) == ["failed"]


def test_an_image_of_the_local_engine_can_not_be_promoted(ground: Live) -> None:
    with pytest.raises(UsageError) as refused:
        open_writer(Transport.DOCKER_ENGINE, config_of(ground))
    assert refused.value.error_code == "no_staging"
