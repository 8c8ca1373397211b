"""Variables: what the file tells is resolved, what it does not tell stays as written, and nothing grows without end."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import run_line

from gate.environment.expand import LONGEST, expand
from gate.environment.shell.script import LONGEST as LONGEST_SCRIPT

VALUES = {"A": "a.b.c", "E": "", "L": "x" * 5000}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\$A $A", "$A a.b.c"),
        ("${N:?must be set}", "${N:?must be set}"),
        ("${A:?must be set}${A?}", "a.b.ca.b.c"),
        ("${N#*.} ${N/a/b}", "${N#*.} ${N/a/b}"),
        ("${A#*.} ${A##*.} ${A%.*} ${A%%.*}", "b.c c a.b a"),
        ("${A#z} ${A%z}", "a.b.c a.b.c"),
        ("${A/./-} ${A//./-} ${A//[.]/-}", "a-b.c a-b-c ${A//[.]/-}"),
        ("${A^^} ${A,,} ${A^}", "A.B.C a.b.c ${A^}"),
        ("${A:2} ${A:0:1} ${A: -1}", "b.c a ${A: -1}"),
        ("${A[@]} ${A!x} ${} $", "a.b.c ${A!x} ${} $"),
        ("${E:-d}${E-d}${N-d}${E:+y}${A:+y}", "ddy"),
        ("${L#x}", "${L#x}"),
        ("${A", "a.b.c"),
    ],
)
def test_parameters_are_what_a_shell_makes_of_them(text: str, expected: str) -> None:
    assert expand(text, VALUES) == expected


def test_what_would_grow_without_end_stays_as_written() -> None:
    values = {"A": "x" * 40_000}
    assert expand("$A$A", values) == "$A$A"
    assert expand("$A" + "y" * LONGEST, values) == "$A" + "y" * LONGEST
    assert expand("${A//x/" + "y" * 50 + "}", values).startswith("${A//x/")


def test_a_pattern_longer_than_any_path_is_not_tried() -> None:
    assert expand("${A#" + "?" * 300 + "}", VALUES) == "a.b.c"


def test_a_script_that_is_too_long_is_an_error_and_never_clean(tmp_path: Path) -> None:
    declared = run_line(tmp_path, "sh install.sh", {"install.sh": "#!/bin/sh\n" + "true\n" * (LONGEST_SCRIPT // 5)})
    assert [one.code for one in declared.problems] == ["script_too_long"]
    assert declared.references == ()
