"""Hand-labelled real definitions: every reference is found, nothing else is, and none is called safe that is not.

The data comes from `GATE_CORPUS`; where that is not set there is nothing to measure. The bars are the sealed set's.
"""

from __future__ import annotations

import collections
import json
import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gate.bounds import DefinitionBounds
from gate.environment.check import check_declared
from gate.environment.reader import read_definition
from gate.policy.source import load_policy
from gate.reports.check_json import as_object

Key = tuple[str, str]
Case = dict[str, Any]

pytestmark = pytest.mark.skipif("GATE_CORPUS" not in os.environ, reason="GATE_CORPUS is not set: no corpus to read")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Unpack the labelled cases; a corpus that is named and not there is a failure."""
    folder = tmp_path_factory.mktemp("labelled")
    with tarfile.open(Path(os.environ["GATE_CORPUS"]) / "labelled.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    found = sorted(path.parent for path in folder.glob("**/label.json"))
    assert found, "the corpus holds no labelled case"
    return found


def key(kind: str, name: str) -> Key:
    """Return what two references must share to be the same one."""
    name = name.strip().lower()
    if kind == "pypi":
        name = re.sub(r"[-_.]+", "-", name.split("[")[0])
    elif kind == "image":
        name = name.removeprefix("docker.io/").removeprefix("library/")
    elif kind == "vcs":
        match = re.search(r"(?:[\w+.-]*://|@)?(?:[^@/\s]+@)?([\w.-]+)", name)
        name = match.group(1) if match else name
    elif kind in {"url", "local", "other"}:
        name = ""
    elif kind == "conda":
        name = name.split("::")[-1]
    return kind, name


@dataclass
class Score:
    """Counts over all cases, and the cases that went wrong in words."""

    accepted: int = 0
    matched: int = 0
    labelled: int = 0
    reported: int = 0
    flags: int = 0
    misses: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def take(self, label: Case, told: Case) -> None:
        """Compare one case."""
        good = told["verdict"] in label["acceptable_verdicts"]
        self.accepted += good
        if told["verdict"] == "safelisted" and "safelisted" not in label["acceptable_verdicts"]:
            self.misses.append(label["id"])
        readable = label["expected_verdict"] != "unparseable"
        want = self._flags(label["dependencies"] if readable else [], "safelisted", expected=True)
        have = self._flags(told["references"] if readable else [], "disposition", expected="safelisted")
        same = agreed = 0
        for one in want.keys() & have.keys():
            same += min(len(want[one]), len(have[one]))
            agreed += sum(a == b for a, b in zip(sorted(want[one]), sorted(have[one]), strict=False))
        self.matched += same
        self.flags += agreed
        self.labelled += sum(map(len, want.values()))
        self.reported += sum(map(len, have.values()))
        if not good or want != have:
            self.wrong.append(f"{label['id']}: {told['verdict']}, {sorted(want.keys() ^ have.keys())}")

    @staticmethod
    def _flags(rows: list[Case], flag: str, *, expected: object) -> dict[Key, list[bool]]:
        out: dict[Key, list[bool]] = collections.defaultdict(list)
        for row in rows:
            out[key(row["kind"], row["name"] or "")].append(row[flag] == expected)
        return {name: sorted(flags) for name, flags in out.items()}


def test_labelled_definitions_are_read_as_their_labels_say(cases: list[Path]) -> None:
    policy, score = load_policy(), Score()
    for case in cases:
        label = json.loads((case / "label.json").read_text())
        declared = read_definition(case / label["entry"], case, DefinitionBounds())
        score.take(label, as_object(check_declared(declared, policy, (), datetime.now(UTC))))
    assert score.misses == []
    assert score.accepted >= 0.98 * len(cases), score.wrong
    assert score.matched >= 0.99 * score.labelled, score.wrong
    assert score.matched >= 0.98 * score.reported, score.wrong
    assert score.flags >= 0.99 * score.matched, score.wrong


def test_the_command_says_what_the_function_says(cases: list[Path]) -> None:
    codes = {"safelisted": 0, "needs_exception": 10, "unparseable": 12}
    for case in cases[:: max(1, len(cases) // 5)]:
        label = json.loads((case / "label.json").read_text())
        ran = subprocess.run(
            [sys.executable, "-m", "gate", "check", label["entry"], "--no-resolve", "--format", "json"],
            cwd=case,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        told = json.loads(ran.stdout)
        assert told["verdict"] in label["acceptable_verdicts"]
        assert ran.returncode == codes[told["verdict"]]
        assert ran.stderr == ""
