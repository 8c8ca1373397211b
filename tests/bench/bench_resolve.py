"""Time the closed set of a machine learning environment against `uv pip compile` alone, side by side.

Run it: `python tests/bench/bench_resolve.py [ROUNDS]`. It prints pins, times and their ratio (at most 1.3 is the aim);
each side starts cold, with an empty cache, and the two take turns, for the network is never the same twice.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

NAMES = ("scikit-learn", "pandas", "mlflow", "azureml-inference-server-http", "fastapi", "transformers")
ROUNDS = 5


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


def timed(words: list[str], folder: Path) -> tuple[float, dict[str, str]]:
    """Return the wall time of a command in seconds, and the pins that it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    start = time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    return took, dict(line.split("==") for line in done.stdout.split())


def main(rounds: int) -> None:
    """Take turns, compare the pins, print times and ratio."""
    ours, alone = [], []
    own = [sys.executable, str(Path(__file__).resolve()), "--closed"]
    words = uv_words()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "requirements.txt").write_text("\n".join(NAMES) + "\n")
        for turn in range(rounds):
            took, found = timed(own, folder)
            ours.append(took)
            took, wanted = timed([*words, "--cache-dir", f"cache-{turn}"], folder)
            alone.append(took)
            if found != wanted:
                message = f"other pins: {set(found.items()) ^ set(wanted.items())}"
                raise SystemExit(message)
    mine, theirs = statistics.median(ours), statistics.median(alone)
    print(f"closed set of {len(found)} packages: {mine:.2f} s, uv alone {theirs:.2f} s, ratio {mine / theirs:.2f}")  # noqa: T201 - its output
    print(f"best of {rounds}: {min(ours):.2f} s, uv alone {min(alone):.2f} s, same pins")  # noqa: T201 - its output


if __name__ == "__main__":
    if sys.argv[1:] == ["--closed"]:
        print("\n".join(f"{name}=={version}" for name, version in closed().items()))  # noqa: T201 - its output
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)
