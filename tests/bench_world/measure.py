"""Run a command as a whole process and say what it took: wall time, the cores' time, and the most memory it held."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_KIB = 1024


class Cost(NamedTuple):
    """Wall time in seconds, peak resident memory in bytes, seconds of all cores (nothing where nobody measured)."""

    seconds: float
    memory: int
    cores: float = 0.0


def cost_of(command: Sequence[str], output: Path, environ: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, its standard output in a file.

    Raises:
        SystemExit: it failed; with what it said.
    """
    said = output.with_suffix(".err")
    start = time.perf_counter()
    with output.open("wb") as out, said.open("wb") as err:
        # Byte code is kept: a program that is installed has it.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environ or {})}
        process = subprocess.Popen(list(command), stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"`{' '.join(command)[:200]}` failed:\n{said.read_text(errors='replace')[-2000:]}"
        raise SystemExit(message)
    return Cost(took, usage.ru_maxrss * _KIB, usage.ru_utime + usage.ru_stime)
