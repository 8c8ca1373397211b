"""An index of each test's own, and a server that must never be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from index.index_server import IndexServer
from resolve.resolve_channel import CondaChannel
from resolve.resolve_cli import Caller, copy_of_defaults
from resolve.resolve_world import MovingIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def index() -> Iterator[MovingIndex]:
    """Run an index without projects, which announces metadata as PyPI does."""
    with MovingIndex() as server:
        server.behaviour.announce = True
        yield server


@pytest.fixture
def canary() -> Iterator[IndexServer]:
    """Run an index that nobody may ask anything."""
    with IndexServer() as server:
        server.behaviour.announce = True
        yield server


@pytest.fixture
def channel() -> Iterator[CondaChannel]:
    """Run an empty conda channel."""
    with CondaChannel() as server:
        yield server


@pytest.fixture
def other_channel() -> Iterator[CondaChannel]:
    """Run a conda channel that nobody may ask anything."""
    with CondaChannel() as server:
        yield server


@pytest.fixture
def caller(
    tmp_path: Path, index: MovingIndex, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    """Stand in an empty project, with `pypi` reached at the test's own index."""
    project, beside = tmp_path / "project", tmp_path / "beside"
    project.mkdir()
    beside.mkdir()
    policy = copy_of_defaults(beside / "policy")
    for name in ("GATE_CHANNEL_ADDRESSES", "GATE_FILE_HOSTS", "GATE_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GATE_HOME", str(beside / "home"))
    monkeypatch.setenv("GATE_POLICY", str(policy))
    monkeypatch.setenv("GATE_INDEX_ADDRESSES", f"pypi={index.url}")
    monkeypatch.chdir(project)
    return Caller(folder=project, monkeypatch=monkeypatch, capture=capsys, policy=policy)
