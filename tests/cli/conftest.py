"""One ground for the tests of a process, and the command line over it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from evaluation.input_world import Said
from service.live import Live, ground_in

from gate.cli import main


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Live:
    return ground_in(tmp_path_factory.mktemp("ground"))


@pytest.fixture
def gate(ground: Live, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Call the command line in this process."""
    for name, value in ground.environ.items():
        monkeypatch.setenv(name, value)
    for name in ("GATE_SERVER", "GATE_PRINCIPAL", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> Said:
        capfd.readouterr()
        code = main(list(words))
        return Said(code, *capfd.readouterr())

    return run
