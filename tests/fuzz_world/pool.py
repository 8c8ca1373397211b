"""Run the cases in processes of their own, watch that each goes on, and collect what went wrong."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

CHILD = "fuzz_world.child"
_DIGITS = re.compile(r"\d+")

SILENCE = 150.0
"""Seconds on the clock without a word after which a process is ended: it first gets to say where it is."""


@dataclass(frozen=True)
class Fault:
    """One thing that went wrong. `number` and the seed make the case again."""

    number: int
    kind: str
    told: str
    did: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """Say what faults of one cause have in common: the kind, and the last lines of where it was."""
        last = [line.strip() for line in self.told.splitlines() if "gate/" in line][-1:]
        return f"{self.kind} {last[0] if last else _DIGITS.sub('N', self.told[:60])}"


@dataclass
class Outcome:
    """How a run went: how many cases came to an end, and what was wrong."""

    done: int = 0
    faults: list[Fault] = field(default_factory=list)
    heard: Callable[[Fault], None] = lambda _: None

    def take(self, fault: Fault) -> None:
        """Keep a fault, and tell whoever listens."""
        self.faults.append(fault)
        self.heard(fault)


def fuzz(folder: Path, seed: int, cases: int, workers: int, heard: Callable[[Fault], None] = lambda _: None) -> Outcome:
    """Run cases `0` to `cases`, shared among processes; `heard` is told of each fault as it comes."""
    outcome = Outcome(heard=heard)
    threads = [
        threading.Thread(target=_worker, args=(folder / f"w{one}", (seed, one, cases, workers), outcome))
        for one in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.faults.sort(key=lambda one: one.number)
    return outcome


def _worker(folder: Path, numbers: tuple[int, int, int, int], outcome: Outcome) -> None:
    """Run every `step`-th case; where a process ends before its last case, the next goes on behind it."""
    seed, start, cases, step = numbers
    attempt = 0
    while start < cases:
        place = folder / str(attempt)
        place.mkdir(parents=True)
        stopped = _process(place, [seed, start, cases, step], outcome)
        if stopped is None:
            return
        start, attempt = stopped + step, attempt + 1


def _process(folder: Path, numbers: list[int], outcome: Outcome) -> int | None:
    """Run one process and return the number of the case in which it ended too early, None if it did all."""
    tests = str(Path(__file__).parent.parent)
    found = os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH"))))
    # Without coverage, which would be measured along: what is watched here is how long the readers themselves take.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    variables = {**plain, "PYTHONPATH": found, "PYTHONHASHSEED": "0"}
    arguments = [sys.executable, "-m", CHILD, str(folder), *map(str, numbers)]
    errors = folder / "stderr"
    with errors.open("wb") as stderr:
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=stderr, env=variables, text=True)
    assert process.stdout is not None
    said: queue.Queue[str | None] = queue.Queue()
    listener = threading.Thread(target=_listen, args=(process.stdout, said))
    listener.start()
    running, hung = _follow(said, outcome)
    if hung:
        process.kill()
    code = process.wait()
    listener.join()
    process.stdout.close()
    if running is None and code == 0:
        return None
    told = errors.read_text(errors="replace")[-3000:]
    kind = "hang" if hung or "Timeout" in told else f"died {code}"
    # Between two cases or before the first: the next process would end there again.
    outcome.take(Fault(number=numbers[1] if running is None else running, kind=kind, told=told))
    return running


def _listen(stream: IO[str], said: queue.Queue[str | None]) -> None:
    for line in stream:
        said.put(line)
    said.put(None)


def _follow(said: queue.Queue[str | None], outcome: Outcome) -> tuple[int | None, bool]:
    """Take what the process says until it ends: the case it was in, and whether it fell silent."""
    running: int | None = None
    while True:
        try:
            line = said.get(timeout=SILENCE)
        except queue.Empty:
            return running, True
        if line is None:
            return running, False
        if line.startswith(">"):
            running = int(line[1:])
        elif line.startswith("<"):
            running = None
            outcome.done += 1
        else:
            fault = json.loads(line)
            outcome.take(Fault(number=fault["number"], kind=fault["kind"], told=fault["told"], did=tuple(fault["did"])))
