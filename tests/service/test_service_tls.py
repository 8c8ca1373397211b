"""`gate serve` for callers on other machines: over TLS, by their tokens alone, and not a word of them in its log."""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path

import pytest
import requests
from azure_world.sim_state import TENANT
from azure_world.sim_tokens import ALICE, AUDIENCE, entra_server
from servers.certificates import Certificate, self_signed
from servers.processes import running
from service.live import free_port
from service.tokened import trusted

from gate.cli import main


def settings(home: Path) -> dict[str, str]:
    return {"GATE_HOME": str(home), "GATE_TOKEN_AUDIENCES": AUDIENCE, "GATE_TOKEN_TENANTS": TENANT}


def test_a_service_that_takes_tokens_listens_beyond_this_machine_and_knows_its_callers(
    tmp_path: Path, tls_certificate: Certificate
) -> None:
    port, log, authority = free_port(), tmp_path / "serve.log", str(tls_certificate.authority)
    url = f"https://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return bool(requests.get(f"{url}/readyz", timeout=5, verify=authority).ok)
        except requests.ConnectionError:
            return False

    tls = ["--tls-certificate", str(tls_certificate.certificate), "--tls-key", str(tls_certificate.key)]
    command = [sys.executable, "-m", "gate", "serve", "--host", "0.0.0.0", "--port", str(port), *tls]  # noqa: S104 - the point
    with entra_server(tls_certificate) as entra:
        more = {"GATE_AZURE_AUTHORITY": entra.address, "REQUESTS_CA_BUNDLE": str(trusted(tls_certificate, tmp_path))}
        environ = {**os.environ, **settings(tmp_path / "home"), **more}
        good, bad = entra.token(ALICE, "Gate.Read"), entra.token(ALICE, "Gate.Read", aud="api://another")
        with running(command, log, ready=ready, environ=environ):
            codes = []
            for token in ("", good, bad):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                answer = requests.get(f"{url}/v1/exceptions", headers=headers, timeout=30, verify=authority)
                codes.append(answer.status_code)
            giant = {"Authorization": f"Bearer {good}{'A' * 40_000}"}
            codes.append(requests.get(f"{url}/v1/exceptions", headers=giant, timeout=30, verify=authority).status_code)
            with pytest.raises(requests.ConnectionError):
                requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30)
    assert codes == [401, 200, 401, 401]
    said = log.read_text()
    assert f"listening on https://0.0.0.0:{port}" in said
    assert "in clear" not in said
    assert all(part not in said for token in (good, bad) for part in token.split("."))


def test_without_tls_it_says_that_tokens_come_in_clear(tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    command = [sys.executable, "-m", "gate", "serve", "--host", "0.0.0.0", "--port", "0"]  # noqa: S104 - as above

    def ready() -> bool:
        return bool(re.search(r"listening on http://0\.0\.0\.0:\d+\n.*in clear", log.read_text()))

    with running(command, log, ready=ready, environ={**os.environ, **settings(tmp_path / "home")}):
        pass


def test_without_tokens_no_tls_opens_it_to_other_machines(
    tmp_path: Path, tls_certificate: Certificate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATE_HOME", str(tmp_path))
    tls = ["--tls-certificate", str(tls_certificate.certificate), "--tls-key", str(tls_certificate.key)]
    assert main(["serve", "--host", "0.0.0.0", "--port", "0", *tls]) == 2  # noqa: S104 - what is refused
    said = capsys.readouterr().err
    assert "not_loopback" in said
    assert "GATE_TOKEN_AUDIENCES" in said


@pytest.mark.parametrize("lacking", ["key", "certificate", "both", "match"])
def test_tls_that_can_not_be_spoken_is_refused_before_anything_listens(
    tmp_path: Path,
    tls_certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lacking: str,
) -> None:
    monkeypatch.setenv("GATE_HOME", str(tmp_path))
    other = self_signed(tmp_path, "other")
    key = {"key": [], "both": ["--tls-key", str(tmp_path / "none")], "match": ["--tls-key", str(other.key)]}
    certificate = ["--tls-certificate", str(tls_certificate.certificate)] if lacking != "certificate" else []
    words = [*certificate, *key.get(lacking, ["--tls-key", str(tls_certificate.key)])]
    monkeypatch.setattr(socket.socket, "bind", lambda *_: pytest.fail("it listened"))
    assert main(["serve", "--port", "0", *words]) == 2
    said = capsys.readouterr().err
    assert "error[tls_unusable]" in said
    assert "--tls-key" in said
