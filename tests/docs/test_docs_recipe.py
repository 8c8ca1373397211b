"""The Dockerfile's own commands, run in a folder instead of an image, make a service that starts with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from docs.consoles import ROOT
from docs.test_docs_dockerfile import instructions
from servers.processes import running
from service.live import free_port

from gate.policy.source import load_policy


def environ(folder: Path) -> dict[str, str]:
    """Return what the Dockerfile sets, moved into the folder, and nothing of anybody's Python or gate."""
    (line,) = [line for line in instructions() if line.startswith("ENV ")]
    set_here = dict(word.split("=", 1) for word in moved(line, folder).split()[1:])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATE_", "PYTHON", "COVERAGE"))}
    return kept | set_here


def moved(line: str, folder: Path) -> str:
    return line.replace("/opt/gate", str(folder / "opt")).replace("/var/lib/gate", str(folder / "var"))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run each `RUN`, with what `COPY` brings beside it."""
    folder = tmp_path_factory.mktemp("image")
    build = folder / "build"
    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(build)]
    subprocess.run(wheel, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (build / "constraints.txt").write_bytes((ROOT / "constraints.txt").read_bytes())
    for line in instructions():
        if line.startswith("RUN "):
            command = moved(line.removeprefix("RUN "), folder).replace("python3 ", f"{sys.executable} ")
            subprocess.run(["/bin/sh", "-c", command], cwd=build, check=True, timeout=240)
    return folder


def test_the_service_starts_with_nothing_but_what_the_image_has(image: Path) -> None:
    port = free_port()
    alone = [sys.executable, "-S", "-m", "gate"]  # without the packages of the environment that the tests run in

    def ready() -> bool:
        try:
            return bool(requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok)
        except requests.ConnectionError:
            return False

    with running([*alone, "serve", "--port", str(port)], image / "log", ready=ready, environ=environ(image)):
        assert requests.get(f"http://127.0.0.1:{port}/v1/decisions", timeout=5).json()["decisions"] == []
    assert (image / "var" / "gate.sqlite").exists()
    shown = subprocess.run(
        [*alone, "policy", "show"], env=environ(image), capture_output=True, text=True, check=True, timeout=60
    )
    assert f"{image}/opt/gate/defaults (the defaults that travel with the package)" in shown.stdout
    assert load_policy().fingerprint() in shown.stdout
