"""A service goes through its long-lived objects rarely: else every tenth audit takes four times as long."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from gate.cli.serve import collect_rarely
before = gc.get_threshold()
collect_rarely()
print(gc.get_freeze_count() > 1000, gc.isenabled(), all(a >= b for a, b in zip(gc.get_threshold(), before)))
class Cycle: pass
import weakref
cycle = Cycle(); cycle.itself = cycle; gone = weakref.ref(cycle); del cycle
made = [[] for _ in range(300_000)]
print(gone() is None)
"""


def test_what_lives_long_is_left_alone_and_cycles_still_go() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True"] * 4
