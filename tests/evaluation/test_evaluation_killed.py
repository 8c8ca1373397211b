"""A process killed between any two steps is followed by one that comes to the same outcome, once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from evaluation.worlds import DIGEST, FileWorld

from gate.ledger.reader import LedgerReader
from gate.ledger.record import LedgerRecord
from gate.ledger.verify import Verified, verify
from gate.store.engine import make_engine, reading

POINTS = [
    "before:start",
    "before:gather",
    "clock:1",
    "after:gather",
    "before:plan",
    "clock:2",
    "before:act",
    "after:act",
    "clock:3",
]
LOOKING = ["before:renew", "clock:4"]
TELLING = ["before:tell", "clock:4"]


def run(tmp_path: Path, kill: str, quality: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evaluation.run_one", f"sqlite:///{tmp_path}/g.sqlite", str(tmp_path), kill, quality],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def events(tmp_path: Path) -> Counter[str]:
    with reading(make_engine(f"sqlite:///{tmp_path}/g.sqlite")) as connection:
        ledger = LedgerReader(connection)
        leaves = list(ledger.leaves())
        assert isinstance(verify(leaves, ledger.head()), Verified)
        return Counter(LedgerRecord.parse(leaf.leaf_bytes).event.value for leaf in leaves)


@pytest.mark.parametrize("kill", POINTS + LOOKING)
def test_a_killed_promotion_is_adopted_and_promotes_once(tmp_path: Path, kill: str) -> None:
    FileWorld(tmp_path).put(DIGEST)
    first = run(tmp_path, kill, "good")
    assert first.returncode == -signal.SIGKILL, first.stderr
    second = run(tmp_path, kill, "good")
    assert second.stdout.split()[1:] == ["promoted", "2"], second.stderr
    assert (tmp_path / "release" / DIGEST).exists()
    assert (tmp_path / "staging" / DIGEST).exists()
    seen = events(tmp_path)
    assert seen["promoted"] == seen["promotion_intended"] == seen["decided"] == seen["adopted"] == 1
    assert seen["discarded"] == seen["failed"] == 0
    if kill in {"before:act", "after:act"}:  # who adopts a run acts on nothing that he has not looked at himself
        assert (tmp_path / "log").read_text().count("before:renew") == 2


@pytest.mark.parametrize("kill", POINTS + TELLING)
def test_a_killed_discard_is_adopted_and_recorded_once(tmp_path: Path, kill: str) -> None:
    FileWorld(tmp_path).put(DIGEST)
    first = run(tmp_path, kill, "bad")
    assert first.returncode == -signal.SIGKILL, first.stderr
    second = run(tmp_path, kill, "bad")
    assert second.stdout.split()[1:] == ["discarded", "2"], second.stderr
    assert not (tmp_path / "staging" / DIGEST).exists()
    assert not (tmp_path / "release" / DIGEST).exists()
    seen = events(tmp_path)
    assert seen["discarded"] == seen["discard_intended"] == seen["notified"] == 1
    assert seen["promoted"] == 0
