"""Read mutated definitions one after the other, under guard, and say on standard output how each went.

Run as `python -m fuzz_world.child FOLDER SEED START STOP STEP`. For each case a line `>N` before it, a JSON object for
each fault, and `<N` after it: a case without an end is one that hung or took the process with it.
"""

from __future__ import annotations

import ast
import codecs
import faulthandler
import importlib
import json
import os
import pkgutil
import random
import resource
import shutil
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fuzz_world.guard import Guard
from fuzz_world.mutate import make
from fuzz_world.seeds import Files, seeds, written
from fuzz_world.shapes import Case
from fuzz_world.words import OUTSIDE, SECRET

import gate.environment
from gate.bounds import MIB, DefinitionBounds
from gate.environment.check import CheckReport, check_declared
from gate.environment.reader import read_definition
from gate.environment.reading import Reading
from gate.model.reference import Severity
from gate.policy.schema import Policy
from gate.policy.source import load_policy
from gate.reports import check_json, check_junit, check_markdown, check_sarif, check_text

SECONDS = float(os.environ.get("GATE_FUZZ_SECONDS", "1"))
PER_ROW = 0.000_05
PER_MIB = 1.0
"""Longest processor time of one definition: a second, and what is in proportion to the rows it has and the bytes read.

Time on the clock would blame a busy machine on the reader. How much a second of a processor is worth depends on the
machine all the same: what runs on machines that nobody chose sets its own limit.
"""

WALL = 120
"""Seconds on the clock after which the process says where it is and ends itself."""

MEMORY = 4 * 1024**3
CANARY = "zqcanary7d1f"
"""Stands in the environment and in every file outside the root: in a report, it proves that one of them was read."""

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REPORTS = (check_json, check_text, check_markdown, check_sarif, check_junit)
BOUNDS = DefinitionBounds()


def main(folder: Path, seed: int, start: int, stop: int, step: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ[SECRET] = CANARY
    pool = seeds()
    policy = load_policy()
    outside(folder)
    warm(folder, policy)
    failures = listen()
    guard = Guard()
    for number in range(start, stop, step):
        alive(number)
        for fault in run(folder, number, case_of(seed, number, pool), policy, guard):
            say(json.dumps(fault))
        for told in failures:
            say(json.dumps({"number": number, "kind": "crash inside", "told": told[-3000:], "did": []}))
        failures.clear()
        faulthandler.cancel_dump_traceback_later()
        say(f"<{number}")


def alive(number: int) -> None:
    """Say that a case goes on, and allow it so much time again."""
    say(f">{number}")
    faulthandler.dump_traceback_later(WALL, exit=True)


def listen() -> list[str]:
    """Return where readers leave the failures that they turn into problems: no traceback must get lost."""
    failures: list[str] = []
    kept = Reading.problem

    def problem(reading: Reading, code: str, *rest: Any, **more: Any) -> None:
        if code == "reader_failed":
            failures.append(trace(sys.exc_info()[1]))
        kept(reading, code, *rest, **more)

    setattr(Reading, "problem", problem)  # noqa: B010 - listens in for the life of this process
    return failures


def trace(error: BaseException | None) -> str:
    """Say where an error came from without opening the source: that would be seen by the guard."""
    frames = traceback.walk_tb(error.__traceback__ if error else None)
    places = [f'  File "{one.f_code.co_filename}", line {line} in {one.f_code.co_name}' for one, line in frames]
    return "\n".join([*places[-8:], f"{type(error).__name__}: {error}"])


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def case_of(seed: int, number: int, pool: list[Files]) -> Case:
    """Return the case of that number: the same for the same seed and the same pool."""
    return make(random.Random(f"{seed}:{number}"), pool)  # noqa: S311 - repeatable, not secret


def outside(folder: Path) -> None:
    """Lay files beside the root that no definition may reach; a package in each tells if one is."""
    place = folder / "outside"
    deep = place / "deep"
    deep.mkdir(parents=True, exist_ok=True)
    for one in (place, deep):
        (one / "requirements.txt").write_text(f"{CANARY}==1\n")
        (one / "environment.yml").write_text(f"channels: [{CANARY}]\ndependencies: [{CANARY}]\n")
        (one / "Dockerfile").write_text(f"FROM {CANARY}:1\nRUN pip install {CANARY}\n")


def warm(folder: Path, policy: Policy) -> None:
    """Import every reader and read one definition of each format: what is imported late is imported now."""
    for one in pkgutil.walk_packages(gate.environment.__path__, "gate.environment."):
        module = importlib.import_module(one.name)
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                importlib.import_module(node.module)
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "idna", "unicode_escape", "punycode"):
        codecs.lookup(encoding)
    for number, files in enumerate(written()):
        root = folder / f"warm{number}"
        lay(root, Case(files=files), folder)
        look(root, root, policy)
        shutil.rmtree(root)


def run(folder: Path, number: int, case: Case, policy: Policy, guard: Guard) -> list[dict[str, object]]:
    """Read one case and return what is wrong with how it went."""
    root = folder / f"case{number}"
    lay(root, case, folder)
    guard.arm(root)
    faults: list[tuple[str, str]] = []
    began, took, allowed = time.process_time(), 0.0, SECONDS
    try:
        report = look(root, root / case.entry if case.entry else root, policy)
        took = time.process_time() - began
        rows = len(report.references) + len(report.sources) + len(report.problems)
        allowed += rows * PER_ROW + guard.size / MIB * PER_MIB
        rendered = []
        for one in REPORTS:
            # Fifty thousand references in five reports take their time on a busy machine, and that is no hang.
            alive(number)
            rendered.append(one.render(report))
        faults += [("outside", what) for what in guard.disarm()]
        faults += [("broken", what) for what in judge(report, rendered, root)]
    except Exception as error:  # noqa: BLE001 - any exception is what is looked for
        faults += [("outside", what) for what in guard.disarm()]
        faults.append((f"crash {type(error).__name__}", "".join(traceback.format_exception(error)[-8:])))
    if took > allowed:
        faults.append(("slow", f"{took:.2f} s of processor time, {allowed:.2f} allowed"))
    shutil.rmtree(root)
    return [{"number": number, "kind": kind, "told": told[-3000:], "did": case.did} for kind, told in faults]


def look(root: Path, path: Path, policy: Policy) -> CheckReport:
    """Check one definition as the command does."""
    return check_declared(read_definition(path, root, BOUNDS), policy, (), NOW)


def judge(report: CheckReport, rendered: list[str], root: Path) -> list[str]:
    """Return the promises that the report breaks."""
    broken = []
    if any(CANARY in one for one in rendered) or CANARY in repr(report):
        broken.append("the report holds what stands outside the root or in the environment")
    if report.verdict == "safelisted" and any(one.severity is Severity.ERROR for one in report.problems):
        broken.append("safelisted in spite of an error")
    if report.verdict == "safelisted" and not (report.references or report.sources):
        broken.append("nothing found, and safelisted")
    if not (report.references or report.sources or report.problems):
        broken.append("neither a reference nor a source nor a problem")
    if any(one.reference.line < 0 or len(one.reference.text) > 400 for one in report.references):
        broken.append("a line below zero or an excerpt past its bound")
    files = {*report.files, *(one.reference.file for one in report.references)}
    broken += [
        f"names the file {file!r:.100}, which is none of the definition's"
        for file in files
        if file.startswith(("/", "..")) or not (root / file).exists()
    ]
    if len(rendered[0]) > 400_000_000:
        broken.append("a report that nobody can open")
    return broken


def lay(root: Path, case: Case, folder: Path) -> None:
    """Write a case's files, links and pipes."""
    root.mkdir()
    place = str(folder / "outside").encode()
    for name, data in case.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.replace(OUTSIDE.encode(), place))
    for name, target in case.links.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() and not path.is_symlink():
            path.symlink_to(target.replace(OUTSIDE, place.decode()))
    for name in case.pipes:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() and not path.is_symlink():
            os.mkfifo(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:6]))
