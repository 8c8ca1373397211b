"""The rule set's digest names the code that decides."""

from __future__ import annotations

import hashlib
import importlib.resources
from pathlib import Path

from gate.policy.ruleset import RULESET

MODULES = ("model", "policy")
SELF = "policy/ruleset.py"


def ruleset_digest() -> str:
    """Hash names and bytes of every module that a decision is computed by, in order."""
    root = Path(str(importlib.resources.files("gate")))
    state = hashlib.sha256()
    for path in sorted(file for folder in MODULES for file in (root / folder).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name != SELF:
            state.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"sha256:{state.hexdigest()}"


def test_the_written_digest_is_that_of_the_code() -> None:
    assert ruleset_digest() == RULESET, "the deciding code changed: run `make ruleset`"


def write() -> None:
    """Write the digest down: what `make ruleset` calls."""
    path = Path(str(importlib.resources.files("gate"))) / SELF
    path.write_text(path.read_text().replace(RULESET, ruleset_digest()))


if __name__ == "__main__":
    write()
