"""Every problem that a reader can meet has words of its own."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path

from gate.ways_out.problems import PROBLEMS, explain_problem

READERS = Path(str(importlib.resources.files("gate"))) / "environment"
CODE = re.compile(r"(?:problem\(|YamlError\([^\"\n]*)\s*\"([a-z_]+)\"")


def test_every_code_in_the_readers_is_explained_and_no_other_word() -> None:
    found = {code for path in READERS.rglob("*.py") for code in CODE.findall(path.read_text())}
    assert len(found) > 40
    assert found <= set(PROBLEMS)
    words = {word for path in READERS.rglob("*.py") for word in re.findall(r"\"([a-z_]+)\"", path.read_text())}
    assert set(PROBLEMS) <= words


def test_a_code_that_nobody_explained_still_says_what_to_do() -> None:
    words = explain_problem("new_in_this_version")
    assert words.reason
    assert words.way_out
    assert words != explain_problem("empty")
