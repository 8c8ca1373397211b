"""Time a cold `gate check` of a one-file environment against a bare start of what it is built with.

Run it: `python tests/bench/bench_check.py`. It prints; it asserts nothing, for a loaded machine proves nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7
BARE = [sys.executable, "-c", "import typer; from pydantic import BaseModel"]
DEFINITIONS = {
    "requirements.txt": "numpy==2.1\nmlflow\nscikit-learn>=1.5\n",
    "conda.yaml": "channels: [conda-forge]\ndependencies:\n- python=3.12\n- pip:\n  - mlflow\n",
    "Dockerfile": "FROM mcr.microsoft.com/azureml/base:1\nRUN pip install mlflow\n",
}


def seconds(command: list[str], folder: Path) -> float:
    """Return the median wall time of a command, in seconds; its first run is left out."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "0"}
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Print one line for each kind of definition: its time, the bare time, the ratio (at most 3 is the aim)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = seconds(BARE, folder)
        for file, content in DEFINITIONS.items():
            (folder / file).write_text(content)
            took = seconds([sys.executable, "-m", "gate", "check", file], folder)
            print(f"gate check {file}: {took:.3f} s, bare {bare:.3f} s, ratio {took / bare:.2f}")  # noqa: T201 - its output


if __name__ == "__main__":
    main()
