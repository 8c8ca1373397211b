"""Mutated definitions: none crashes a reader, hangs it, or makes it look or act outside the folder.

Every run is the same for the same seed. `make fuzz` runs far more; a seed of one's own goes into `GATE_FUZZ_SEED`.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz_world.mutate import MUTATORS, make
from fuzz_world.pool import fuzz
from fuzz_world.seeds import seeds, written
from fuzz_world.shapes import SHAPES

CASES = 2000
SEED = int(os.environ.get("GATE_FUZZ_SEED", "20261123"))
TESTS = Path(__file__).parent.parent


@pytest.mark.timeout(1200)  # two thousand cases on a machine that does other things too
def test_no_mutated_definition_crashes_hangs_or_reaches_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here a hang is a hang. The limit of a second is `make fuzz`'s: on a slower machine it would say something else.
    monkeypatch.setenv("GATE_FUZZ_SECONDS", "40")
    outcome = fuzz(tmp_path, SEED, CASES, workers=2)
    told = "\n\n".join(f"case {one.number} of seed {SEED}, {one.did}: {one.kind}\n{one.told}" for one in outcome.faults)
    assert not outcome.faults, told
    assert outcome.done == CASES


def test_the_same_seed_makes_the_same_cases_and_every_mutator_is_used() -> None:
    pool = written()
    once = [make(random.Random(f"{SEED}:{number}"), pool) for number in range(600)]  # noqa: S311 - repeatable
    again = [make(random.Random(f"{SEED}:{number}"), pool) for number in range(600)]  # noqa: S311 - as above
    other = [make(random.Random(f"other:{number}"), pool) for number in range(600)]  # noqa: S311 - as above
    assert once == again
    assert once != other
    known = {one.__name__ for one in MUTATORS} | {one.__name__ for one in SHAPES}
    assert {name for case in once for name in case.did} == known


def test_a_corpus_that_is_named_and_not_there_is_no_empty_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_CORPUS", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        seeds()


FORBIDDEN = {
    "a file outside": "open('/etc/passwd')",
    "a link that leads outside": "open(root / 'link')",
    "a write inside": "open(root / 'new', 'w')",
    "a folder outside": "os.listdir('/')",
    "a walk outside": "list(os.walk(root / 'folder'))",
    "the network": "import_socket.socket()",
    "a name looked up": "import_socket.getaddrinfo('h.example', 80)",
    "a program": "subprocess.run(['true'])",
    "a shell": "os.system('true')",
    "code that is run": "exec('x = 1')",
    "a module that comes in": "__import__('this')",
    "a file that goes": "os.remove(root / 'file')",
    "the environment": "os.environ.get('HOME')",
    "another way into the environment": "os.getenv('HOME')",
}


@pytest.mark.parametrize("act", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_guard_sees(tmp_path: Path, act: str) -> None:
    """Without this, a guard that looks at nothing would find nothing."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/")
    assert guarded(tmp_path, act) != "[]"
    assert guarded(tmp_path, "open(root / 'file').read()") == "[]"


def guarded(root: Path, act: str) -> str:
    """Run one line under guard in a process of its own and return what the guard noted."""
    code = (
        "import os, subprocess, sys, socket as import_socket\nfrom pathlib import Path\n"
        "from fuzz_world.guard import Guard\n"
        f"root = Path({str(root)!r})\nguard = Guard()\n"
        "def act():\n"
        f"    {act}\n"
        "guard.arm(root)\ntry:\n    act()\nexcept PermissionError:\n    pass\n"
        "print([one[:40] for one in guard.disarm()])\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, env=variables)  # noqa: PLW1510 - shown below
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
