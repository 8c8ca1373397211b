"""Real reference data for tests, from the folder that `GATE_DATA` names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def reference_file(name: str) -> Path:
    """Return the file. Without `GATE_DATA` the test is skipped; with it, a file that is missing fails the test."""
    folder = os.environ.get("GATE_DATA")
    if not folder:
        pytest.skip("GATE_DATA is not set: this test needs real reference data")
    path = Path(folder) / name
    if not path.is_file():
        pytest.fail(f"GATE_DATA is set and has no `{name}`")
    return path
