"""`gate` whose evaluations begin to gather only when a file says so: what the tests kill in the middle."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from gate.cli import entry
from gate.world import RealWorld

_gather = RealWorld.gather


def gather(self: RealWorld, *arguments: Any, **words: Any) -> Any:
    folder = Path(os.environ["SLOW_FOLDER"])
    (folder / "reached").touch()
    while not (folder / "go").exists():
        time.sleep(0.02)
    return _gather(self, *arguments, **words)


if __name__ == "__main__":
    RealWorld.gather = gather  # type: ignore[method-assign]  # the one step is slowed, and nothing else is changed
    # Whoever runs the tests in the background of a shell hands down that interrupts are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    entry()
