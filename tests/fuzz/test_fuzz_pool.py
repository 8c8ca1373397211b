"""The pool that watches the readers: a case that hangs or dies is a fault, and the cases behind it are still read."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz_world import pool
from fuzz_world.pool import Fault, Outcome

BEFORE = "import os, sys, time, json\n_, folder, seed, start, stop, step = sys.argv\n"
CHILD = (
    BEFORE + "for n in range(int(start), int(stop), int(step)):\n    print(f'>{n}', flush=True)\n"
    "    if n == 3: %s\n    print(f'<{n}', flush=True)\n"
)


def run(folder: Path, act: str, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Run six cases in a process that misbehaves in the fourth."""
    (folder / "fuzz_stand_in.py").write_text(CHILD % act)
    monkeypatch.setattr(pool, "CHILD", "fuzz_stand_in")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(pool, "SILENCE", 5.0)
    heard: list[Fault] = []
    outcome = pool.fuzz(folder / "work", 1, 6, 1, heard.append)
    assert heard == outcome.faults
    return outcome


@pytest.mark.parametrize(
    ("act", "kind"),
    [("time.sleep(60)", "hang"), ("os._exit(7)", "died 7"), ("os.abort()", "died -6"), ("1 / 0", "died 1")],
)
def test_a_case_that_hangs_or_dies_is_a_fault_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, kind: str
) -> None:
    outcome = run(tmp_path, act, monkeypatch)
    assert [(one.number, one.kind) for one in outcome.faults] == [(3, kind)]
    assert outcome.done == 5


def test_what_a_case_tells_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act = "print(json.dumps({'number': n, 'kind': 'slow', 'told': 'x', 'did': ['flip']}))"
    outcome = run(tmp_path, act, monkeypatch)
    assert outcome.faults == [Fault(number=3, kind="slow", told="x", did=("flip",))]
    assert outcome.done == 6


def test_a_process_that_never_starts_is_a_fault_and_no_endless_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CHILD", "no_such_module")
    outcome = pool.fuzz(tmp_path / "work", 1, 6, 2)
    assert outcome.done == 0
    assert len(outcome.faults) == 2
