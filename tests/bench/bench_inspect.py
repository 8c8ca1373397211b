"""Time `gate inspect` of a large image against syft and against the physical limit, side by side in one run.

Run it: `python tests/bench/bench_inspect.py [ROUNDS] [--no-growth]`. The images are built at the first run (Debian by
debootstrap, scikit-learn, pandas and more by pip) and kept in the tests' cache folder, in a real registry. It prints
times, memory and ratios; it ends with 1 if syft lists something that the gate has not found.

Every round starts each program once, one after the other, as a whole process; the medians are compared, after one
round that nobody counts: it brings the image's bytes into the machine's memory and the byte code to where an
installer puts it, for all alike. A first `gate inspect` finds no database and makes one; a cold one finds no layer in
it and keeps them. The time of all cores tells more than the clock where others work on the same machine. Inside the
service means a process that has run for a while and reads as evaluations do, without a report; its memory is that
process's. The limit is one plain reader of the same bytes with the fastest library: read, gunzip, hash both sides,
nothing else. Below it stands the same on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench_world import peer
from bench_world.growth import COPIES, FILES, million_files, several_gigabytes
from bench_world.images import science_image
from bench_world.measure import Cost, cost_of

ROUNDS = 3
MIB = 1024 * 1024
GATE = [sys.executable, "-m", "gate", "inspect", "--format", "json"]
SYFT, FIRST, COLD, WARM, NONE = "syft", "gate, first ever", "gate, cold", "gate, warm layers", "gate --no-cache"
INSIDE, INSIDE_LAYERS = "service, image known", "service, layers known"
LIMIT, LIMIT_2 = "limit, one reader", "limit, two cores"
BARS = {FIRST: 4, COLD: 4, NONE: 4, WARM: 12, INSIDE: 100}
"""How many times faster than syft each has to be."""


class Bench:
    """One image, read by all in turns."""

    def __init__(self, reference: str, folder: Path) -> None:
        """Keep outputs and the gate's home below the folder."""
        self.reference = reference
        self.folder = folder
        self.costs: dict[str, list[Cost]] = defaultdict(list)
        self._home = {
            "GATE_HOME": str(folder / "home"),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "SYFT_CHECK_FOR_APP_UPDATE": "false",
        }

    def gate(self, name: str, *words: str) -> None:
        """Run the gate once."""
        command = [*GATE, *words, self.reference]
        self.costs[name].append(cost_of(command, self.folder / "gate.json", self._home))

    def syft(self) -> None:
        """Run syft once."""
        command = peer.command(self.reference, self.folder / "syft.json")
        self.costs[SYFT].append(cost_of(command, self.folder / "syft.out", self._home))

    def limit(self, name: str, threads: int) -> None:
        """Read the bytes and do nothing else."""
        command = [sys.executable, "-m", "bench_world.limit", self.reference, str(threads)]
        self.costs[name].append(cost_of(command, self.folder / "limit.out", self._home))

    def inside(self) -> None:
        """Inspect as a service that has run for a while does."""
        file = self.folder / "inside.out"
        command = [sys.executable, "-m", "bench_world.inside", self.reference, "3"]
        memory = cost_of(command, file, self._home).memory
        times = json.loads(file.read_text())
        self.costs[INSIDE].append(Cost(statistics.median(times["image"]), memory))
        self.costs[INSIDE_LAYERS].append(Cost(statistics.median(times["layers"]), memory))

    def begin_anew(self) -> None:
        """Take the database away, as on a machine where the gate has never run."""
        shutil.rmtree(self.folder / "home", ignore_errors=True)

    def forget(self) -> None:
        """Empty the cache of layers; the database stays, as it does on a machine where the gate has run."""
        database = self.folder / "home" / "gate.sqlite"
        if database.exists():
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute("DELETE FROM layer_results")

    def round(self) -> None:
        """Run all once, each on the same footing in every round."""
        self.syft()
        self.begin_anew()
        self.gate(FIRST)
        self.forget()
        self.gate(COLD)
        self.gate(WARM)
        self.limit(LIMIT, 1)
        self.limit(LIMIT_2, 2)
        self.gate(NONE, "--no-cache")
        self.inside()

    def median(self, name: str) -> Cost:
        """Return the median times and the largest memory."""
        costs = self.costs[name]
        times = (statistics.median(values) for values in zip(*((one.seconds, one.cores) for one in costs), strict=True))
        seconds, cores = times
        return Cost(seconds, max(one.memory for one in costs), cores)

    def table(self) -> None:
        """Print a line for each program."""
        say(f"{'':22}{'seconds':>10}{'of cores':>10}{'MiB':>8}{'of syft':>10}{'of limit':>10}")
        for name in self.costs:
            cost = self.median(name)
            part = f"1/{self.median(SYFT).seconds / cost.seconds:.1f}" if SYFT in self.costs else "-"
            times = f"{cost.seconds / self.median(LIMIT).seconds:.2f}x" if LIMIT in self.costs else "-"
            cores = f"{cost.cores:.2f}" if cost.cores else "-"
            say(f"{name:22}{cost.seconds:10.3f}{cores:>10}{cost.memory / MIB:8.0f}{part:>10}{times:>10}")


def say(line: str) -> None:
    """Print a line at once: a bench takes minutes."""
    print(line, flush=True)  # noqa: T201 - its output


def side_by_side(rounds: int, folder: Path) -> bool:
    """Compare all on the science image; say whether the gate found all that syft lists."""
    with science_image() as (_, reference):
        bench = Bench(reference, folder)
        bench.round()
        bench.costs.clear()
        for _ in range(rounds):
            bench.round()
    say(f"\n{reference.rpartition('@')[0]}: {rounds} rounds, medians")
    bench.table()
    syft, cold = bench.median(SYFT), bench.median(COLD)
    for name, bar in BARS.items():
        say(f"{name}: 1/{syft.seconds / bench.median(name).seconds:.1f} of syft's time (the bar is 1/{bar})")
    say(f"{COLD}: 1/{syft.memory / cold.memory:.1f} of syft's memory (the bar is 1/3)")
    say(f"{COLD}: {cold.seconds / bench.median(LIMIT).seconds:.2f} times the limit of one reader (the bar is 1.5)")
    missing, count = peer.compared(folder / "gate.json", folder / "syft.json")
    say(f"of {count} packages that syft lists, {len(missing)} are missing")
    for one in sorted(missing):
        say(f"  {one}")
    return not missing


def grown(title: str, image: Callable[[], AbstractContextManager[str]], folder: Path) -> None:
    """Read one large image once cold, once warm, and by syft."""
    with image() as reference:
        bench = Bench(reference, folder)
        bench.gate(FIRST)
        bench.forget()
        bench.gate(COLD)
        bench.gate(WARM)
        bench.limit(LIMIT, 1)
        bench.syft()
    say(f"\n{title}: one round")
    bench.table()


def main() -> int:
    """Run the bench; 1 if the gate missed a package."""
    options = argparse.ArgumentParser()
    options.add_argument("rounds", type=int, nargs="?", default=ROUNDS)
    options.add_argument("--no-growth", action="store_true")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as name:
        folder = Path(name)
        for part in ("science", "gigabytes", "files"):
            (folder / part).mkdir()
        complete = side_by_side(chosen.rounds, folder / "science")
        if not chosen.no_growth:
            grown(
                f"{COPIES} copies of its largest layers, each below a folder", several_gigabytes, folder / "gigabytes"
            )
            grown(f"{FILES} small files", million_files, folder / "files")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
