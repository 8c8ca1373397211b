"""`gate serve` as a process: where it listens, how it ends, and what becomes of a run whose process is killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from service.inprocess import ALICE, LOCAL, events, submission
from service.live import Live

TESTS = Path(__file__).parents[1]
LISTENING = re.compile(r"listening on (http://\S+)")


@contextlib.contextmanager
def served(environ: dict[str, str], log: Path, *words: str, module: str = "gate") -> Iterator[tuple[str, int]]:
    """Run the service on a free port; yield its address and process id. It is killed at the end if it still lives."""
    command = [sys.executable, "-m", module, "serve", "--port", "0", *words]
    given = {**os.environ, **environ, "PYTHONPATH": str(TESTS)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=given, cwd=log.parent)
    try:
        address = until(lambda: LISTENING.search(log.read_text()), log)[1]
        until(lambda: answers(address), log)
        yield address, process.pid
    finally:
        process.kill()
        process.wait()


def answers(address: str) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{address}/readyz", timeout=5).ok
    return False


def until(look: Callable[[], Any], log: Path) -> Any:
    """Look again and again until something is seen."""
    deadline = time.monotonic() + 120
    while not (seen := look()):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return seen


def refused(environ: dict[str, str], *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "gate", "serve", *words]
    done = subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_run_whose_service_was_killed_is_adopted_by_the_next_and_finished(ground: Live, tmp_path: Path) -> None:
    ref = ground.push("killed")
    environ = {**ground.environ, "GATE_LEASE_SECONDS": "2", "SLOW_FOLDER": str(tmp_path)}
    body = submission(ground, "killed")
    with served(environ, tmp_path / "first.log", module="service.slow_gate") as (address, process):
        begun = requests.post(f"{address}/v1/evaluations", json=body, headers=ALICE, timeout=30)
        run = begun.json()["id"]
        until((tmp_path / "reached").exists, tmp_path / "first.log")
        os.kill(process, signal.SIGKILL)
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert events(ground, run) == ["evaluation_submitted", "digest_resolved"]
    (tmp_path / "go").touch()
    with served(environ, tmp_path / "second.log", module="service.slow_gate") as (address, _):
        look = f"{address}/v1/evaluations/{run}"
        account = until(lambda: ended(requests.get(look, params={"wait": 5}, timeout=30)), tmp_path / "second.log")
    assert (account["id"], account["state"], account["digest"]) == (run, "promoted", ref.digest)
    seen = events(ground, run)
    assert seen.count("adopted") >= 1  # a slow machine may let so short a lease lapse once more
    assert [seen.count(name) for name in ("evaluation_submitted", "decided", "promoted", "failed")] == [1, 1, 1, 0]


def ended(answer: requests.Response) -> dict[str, object]:
    account: dict[str, object] = answer.json()
    return account if account["finished_at"] else {}


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.7", "10.1.2.3", "gate.example.org", "", "127.0.0.1.nip.example"],  # noqa: S104 - refused
)
def test_nothing_but_this_machine_is_listened_on(tmp_path: Path, host: str) -> None:
    code, said = refused({"GATE_HOME": str(tmp_path)}, "--host", host)
    assert code == 2
    assert "error[not_loopback]" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machines_own_addresses_work_and_the_service_ends_when_asked(tmp_path: Path, host: str) -> None:
    environ = {"GATE_HOME": str(tmp_path)}
    with served(environ, tmp_path / "log", "--host", host) as (address, process):
        assert requests.get(f"{address}/healthz", timeout=5).json() == {"status": "alive"}
        wrong = requests.get(f"{address}/healthz", headers={"Host": "gate.example.org"}, timeout=5)
        assert (wrong.status_code, wrong.json()["code"]) == (403, "not_loopback")
        os.kill(process, signal.SIGTERM)
        gone = os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        assert gone is not None
        assert (gone.si_code, gone.si_status) == (os.CLD_EXITED, 0)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_port_that_somebody_has_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = refused({"GATE_HOME": str(tmp_path)}, "--port", str(taken.getsockname()[1]))
    assert code == 12
    assert said.startswith("error[address_unusable]")


@pytest.mark.parametrize("content", [b"not a database at all" * 50, None])
def test_a_database_that_can_not_be_used_is_said_before_anything_listens(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "gate.sqlite"
    file.write_bytes(content) if content else file.mkdir()
    code, said = refused({"GATE_HOME": str(tmp_path)})
    assert code == 12
    assert said.startswith("error[store_")
    assert "listening" not in said


def test_a_policy_with_a_typo_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "allowlist").mkdir()
    (tmp_path / "allowlist" / "policy.yaml").write_text("versoin: gate.policy/1\n")
    code, said = refused({"GATE_HOME": str(tmp_path / "home"), "GATE_POLICY": str(tmp_path)})
    assert code == 12
    assert said.startswith("error[policy_")


def test_a_body_that_does_not_arrive_is_not_waited_for(tmp_path: Path) -> None:
    environ = {"GATE_HOME": str(tmp_path), "GATE_BOUND_SERVICE_BODY_SECONDS": "0.3"}
    with served(environ, tmp_path / "log") as (address, _):
        host, _, port = address.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            head = "POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            with connection.makefile("rb") as file:
                answer = file.read().decode()  # to the end: the connection is closed after it
        assert answer.startswith("HTTP/1.1 408 ")
        assert '"code":"body_late"' in answer
        assert answers(address)


def test_what_is_no_http_is_refused_without_a_traceback(tmp_path: Path) -> None:
    with served({"GATE_HOME": str(tmp_path)}, tmp_path / "log") as (address, _):
        host, _, port = address.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(b"\x16\x03\x01\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert answers(address)
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert address.startswith(LOCAL)
