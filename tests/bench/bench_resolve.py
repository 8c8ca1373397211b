"""Time the closed set of a machine learning environment against `uv pip compile` alone, side by side.

Run it: `python tests/bench/bench_resolve.py [ROUNDS]`. Each side is a process of its own that starts cold, with an
empty cache; the two take turns, and take turns at who is first, for neither network nor machine is the same twice. It
prints times on the clock and of the processor (both with all children), and the median of the rounds' ratios (at most
1.3 is the aim). Other pins, or a set that is not closed, end it with an error.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

NAMES = ("scikit-learn", "pandas", "mlflow", "azureml-inference-server-http", "fastapi", "transformers")
ROUNDS = 5
AIM = 1.3


def closed() -> dict[str, str]:
    """Return the pins of the closed set; runs in a process of its own."""
    from gate.bounds import DefinitionBounds  # noqa: PLC0415 - its import is part of what is timed
    from gate.environment.reader import read_definition  # noqa: PLC0415 - as above
    from gate.policy.source import load_policy  # noqa: PLC0415 - as above
    from gate.resolve import closed_set  # noqa: PLC0415 - as above

    declared = read_definition(Path("requirements.txt"), Path(), DefinitionBounds())
    found = closed_set(declared, load_policy(None), platform="linux-x86_64", python="3.11", now=datetime.now(UTC))
    if not found.closed:
        raise SystemExit(str(found.problems))
    return {package.name: package.version for package in found.packages}


def uv_words() -> list[str]:
    """Return the command of `uv pip compile` alone, for the same platform."""
    from gate.index.client import pypi_address  # noqa: PLC0415 - the closed set's own process must start without it
    from gate.resolve.settings import ResolveConfig  # noqa: PLC0415 - as above
    from gate.resolve.target import parse_target  # noqa: PLC0415 - as above
    from gate.resolve.uv import uv_program  # noqa: PLC0415 - as above

    return [
        *(str(uv_program(ResolveConfig())), "pip", "compile", "requirements.txt", "--no-config", "--no-build"),
        *("--quiet", "--no-header", "--no-annotate", "--default-index", pypi_address(), "--python-version", "3.11"),
        *("--python-platform", parse_target("linux-x86_64", "3.11").uv_platform, "--python", sys.executable),
    ]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of one side: seconds on the clock and of the processor, and the pins that it printed."""

    wall: float
    processor: float
    pins: dict[str, str]


def timed(words: list[str], folder: Path) -> Run:
    """Run a command in an empty folder that holds the requirements alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    with tempfile.TemporaryDirectory(dir=folder) as place:
        (Path(place) / "requirements.txt").write_text("\n".join(NAMES) + "\n")
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=False)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall=wall, processor=processor, pins=dict(line.split("==") for line in done.stdout.split()))


def told(name: str, runs: list[Run]) -> str:
    """Return one side's times, for people."""
    wall, processor = [run.wall for run in runs], [run.processor for run in runs]
    return (
        f"  {name}: {statistics.median(wall):.2f} s (best {min(wall):.2f}), "
        f"{statistics.median(processor):.2f} s of the processor"
    )


def main(rounds: int) -> None:
    """Take turns, compare the pins, print times and ratios."""
    sides = {
        "closed set": [sys.executable, str(Path(__file__).resolve()), "--closed"],
        "uv pip compile alone": [*uv_words(), "--cache-dir", "cache"],
    }
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for name in sorted(sides, reverse=bool(turn % 2)):
                runs[name].append(timed(sides[name], Path(folder)))
    ours, alone = runs.values()
    wanted = alone[0].pins
    for run in (*ours, *alone):
        if run.pins != wanted:
            message = f"other pins: {set(run.pins.items()) ^ set(wanted.items())}"
            raise SystemExit(message)
    ratios = sorted(mine.wall / theirs.wall for mine, theirs in zip(ours, alone, strict=True))
    print(f"resolve: {len(wanted)} packages, the same pins on both sides in {rounds} rounds")  # noqa: T201 - its output
    print("\n".join(told(name, done) for name, done in runs.items()))  # noqa: T201 - its output
    spread = f"from {ratios[0]:.2f} to {ratios[-1]:.2f}"
    print(f"  ratio: {statistics.median(ratios):.2f}, {spread}; at most {AIM} is the aim")  # noqa: T201 - its output


if __name__ == "__main__":
    if sys.argv[1:] == ["--closed"]:
        print("\n".join(f"{name}=={version}" for name, version in closed().items()))  # noqa: T201 - its output
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)
