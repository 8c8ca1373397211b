"""Time the reading of every raw definition of the corpus, in one process: each file checked as `gate check` does.

Run it: `GATE_CORPUS=… python tests/bench/bench_corpus.py`. It prints how many were read and how many crashed, the
median of a file (5 ms is the aim) and the whole (15 s), on the clock and in processor time, and the slowest five.
Times are printed and not judged, for a loaded machine proves nothing. A crash is judged: the exit code is 1.
"""

from __future__ import annotations

import os
import statistics
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gate.bounds import DefinitionBounds
from gate.environment.check import check_declared
from gate.environment.reader import read_definition
from gate.policy.source import load_policy

LEAST = 1000
"""Fewer files are no corpus, and reading none of them is no result."""

MEDIAN_MS, WHOLE_S = 5, 15


@dataclass(frozen=True, kw_only=True)
class Read:
    """How one file was read: seconds on the clock and of the processor, and what crashed (empty: nothing)."""

    name: str
    wall: float
    processor: float
    crashed: str


def read_one(path: Path, root: Path, now: datetime) -> Read:
    """Check one file inside the folder of its repository."""
    policy, crashed = load_policy(None), ""
    wall, processor = time.perf_counter(), time.process_time()
    try:
        declared = read_definition(path, root, DefinitionBounds())
        check_declared(declared, policy, (), now)
        crashed = next((one.message for one in declared.problems if one.code == "reader_failed"), "")
    except Exception as error:  # noqa: BLE001 - any crash is what is counted
        crashed = repr(error)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return Read(name=path.relative_to(root.parent).as_posix(), wall=wall, processor=processor, crashed=crashed)


def report(done: list[Read]) -> str:
    """Return what was measured, for people."""
    crashes = [one for one in done if one.crashed]
    median = 1000 * statistics.median(one.wall for one in done)
    median_processor = 1000 * statistics.median(one.processor for one in done)
    whole, whole_processor = sum(one.wall for one in done), sum(one.processor for one in done)
    lines = [
        f"corpus: {len(done)} files, {len(crashes)} crashes, each checked in one process",
        f"median of a file: {median:.2f} ms ({median_processor:.2f} of the processor), at most {MEDIAN_MS} is the aim",
        f"the whole: {whole:.2f} s ({whole_processor:.2f} of the processor), at most {WHOLE_S} is the aim",
    ]
    slowest = sorted(done, key=lambda one: -one.processor)[:5]
    lines += [f"  {1000 * one.processor:7.1f} ms  {one.name}" for one in slowest]
    lines += [f"crashed: {one.name}: {one.crashed}" for one in crashes]
    return "\n".join(lines)


def main() -> int:
    """Unpack, read, print."""
    corpus = os.environ.get("GATE_CORPUS")
    if not corpus:
        print("corpus: NOT MEASURED, nothing was read: GATE_CORPUS is not set", file=sys.stderr)  # noqa: T201 - its output
        return 0
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(Path(corpus) / "raw.tar.gz") as archive:
            archive.extractall(name, filter="data")
        found = sorted(
            (path, root) for root in (Path(name) / "raw").iterdir() for path in root.rglob("*") if path.is_file()
        )
        if len(found) < LEAST:
            print(f"corpus: NOT MEASURED: {len(found)} files are no corpus", file=sys.stderr)  # noqa: T201 - its output
            return 1
        now = datetime.now(UTC)
        done = [read_one(path, root, now) for path, root in found]
    print(report(done))  # noqa: T201 - its output
    return int(any(one.crashed for one in done))


if __name__ == "__main__":
    sys.exit(main())
