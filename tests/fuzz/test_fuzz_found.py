"""What fuzzing found: each finding as the smallest definition that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import declare, errors, names, write
from fuzz_world.child import NOW

from gate.bounds import DefinitionBounds
from gate.environment.check import check_files
from gate.environment.reader import read_definition
from gate.policy.source import load_policy

BASE = "FROM mcr.microsoft.com/base:1\n"

ENDLESS = {
    "blanks in a requirement": ("requirements.txt", "a" + " " * 3000 + "!\n"),
    "letters in a requirement": ("requirements.txt", "a." * 30_000 + "!\n"),
    "blanks before no comment": ("requirements.txt", "a" + " " * 60_000 + "b\n"),
    "instructions in instructions": ("Dockerfile", BASE + "ONBUILD " * 3000 + "RUN true\n"),
    "variables in variables": ("Dockerfile", BASE + "RUN " + "${A:-" * 2000 + "}" * 2000 + "\n"),
    "lines of a document": ("Dockerfile", BASE + "RUN <<E\n" + "ENV A=1\n" * 60_000),
    "a variable made of itself": ("Dockerfile", BASE + "RUN A=x; " + "A=$A$A$A; " * 40 + "pip install $A\n"),
    "a variable that replaces itself": (
        "Dockerfile",
        f"{BASE}ENV A={'a' * 12_000}\nRUN pip install ${{A//a/{'b' * 12_000}}}\n",
    ),
    "every end of a long value": ("Dockerfile", f"{BASE}ENV A={'a' * 20_000}\nRUN pip install ${{A%%*b}}\n"),
    "braces that nobody closes": ("conda.yml", "name: a\ndependencies: [" + "{{a" * 200_000 + "\n"),
    "braces that nobody closes in a command": ("Dockerfile", BASE + ("RUN echo " + "{{" * 3000 + "\n") * 12),
    "a word as long as a book": ("Dockerfile", BASE + "RUN a" + "\\\n".join(["a" * 1000] * 240) + "\n"),
    "a word as long as a chapter": ("Dockerfile", BASE + "RUN " + "a" * 60_000 + "\n"),
    "lines that are wrong one by one": ("requirements.txt", "a=1\n" * 60_000),
    "a line of blanks": ("conda.yaml", "metadata:\n" + " " * 600_000 + "\ndependencies: [a]\n"),
    "loops in loops": (
        "Dockerfile",
        BASE + "RUN " + "for i in a b; do " * 60 + "pip install $i" + "; done" * 60 + "\n",
    ),
    "loops in loops that do nothing": ("Dockerfile", BASE + "RUN " + "for i in a b; do " * 60 + "A=x" + "; done" * 60),
}


@pytest.mark.timeout(120)  # each took minutes, hours or all the memory, and takes milliseconds now
@pytest.mark.parametrize(("name", "content"), ENDLESS.values(), ids=ENDLESS)
def test_no_small_file_costs_minutes(tmp_path: Path, name: str, content: str) -> None:
    declared = declare(tmp_path, {name: content})
    assert declared.references or declared.problems


@pytest.mark.parametrize("inside", ["pip install $i", "A=$i", "x() { true; }"])
def test_loops_in_loops_are_an_error_and_no_endless_walk(tmp_path: Path, inside: str) -> None:
    nested = "for i in a b; do " * 60 + inside + "; done" * 60
    assert errors(declare(tmp_path, {"Dockerfile": f"{BASE}RUN {nested}\n"})) == ["too_many_commands"]


@pytest.mark.timeout(120)
def test_a_script_of_r_that_is_one_long_word_costs_no_minutes(tmp_path: Path) -> None:
    script = "install.packages(" + "a" * 150_000
    declared = declare(tmp_path, {"Dockerfile": f"{BASE}COPY i.R /\nRUN Rscript i.R\n", "i.R": script}, "Dockerfile")
    assert declared.references


def test_an_error_behind_a_thousand_warnings_is_told(tmp_path: Path) -> None:
    warned = "".join(f"-c missing{number}.txt\n" for number in range(1500))
    declared = declare(tmp_path, {"requirements.txt": f"numpy\n{warned}a=1\n"})
    assert errors(declared)[-1] == "invalid_requirement"
    assert check_files([tmp_path / "requirements.txt"], load_policy(), (), NOW).verdict == "unparseable"


def test_a_file_of_errors_is_read_until_nobody_reads_on(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"requirements.txt": "a=1\n" * 3000})
    assert len(declared.problems) == 1000
    assert set(errors(declared)) == {"invalid_requirement"}


def test_a_variable_made_of_itself_stays_in_doubt(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"Dockerfile": BASE + "RUN A=x; " + "A=$A$A$A; " * 40 + "pip install $A\n"})
    assert declared.references[-1].undetermined


def test_files_that_include_each_other_twice_do_not_multiply(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"{n}.txt": f"-r {n + 1}.txt\n-r {n + 1}.txt\n" for n in range(45)}
    declared = declare(tmp_path, {**files, "45.txt": "a\n"}, "0.txt")
    assert "too_many_files" in errors(declared)


@pytest.mark.parametrize("name", ["requirements.txt", "folder"])
def test_a_link_to_a_folder_outside_is_not_even_listed(tmp_path: Path, name: str) -> None:
    write(tmp_path / "outside", {"requirements.txt": "secret==1\n"})
    root = tmp_path / "root"
    root.mkdir()
    (root / name).symlink_to(tmp_path / "outside")
    declared = read_definition(root / name, root, DefinitionBounds())
    assert names(declared) == []
    assert errors(declared) == ["outside_root"]
    assert "requirements.txt" not in "".join(one.message for one in declared.problems if name == "folder")
    assert check_files([root], load_policy(), (), NOW).verdict == "unparseable"


def test_a_name_that_no_file_system_takes_is_a_file_that_is_not_there(tmp_path: Path) -> None:
    long = "x" * 300
    declared = declare(tmp_path, {"Dockerfile": f"{BASE}COPY {long} /x\nRUN pip install -r {long}\n"})
    assert declared.references[-1].undetermined == "missing_file"


def test_commands_nested_deeper_than_the_stack_are_an_error_of_their_own(tmp_path: Path) -> None:
    deep = "if true; then " * 1000 + "pip install a" + "; fi" * 1000
    assert "shell_too_deep" in errors(declare(tmp_path, {"Dockerfile": f"{BASE}RUN {deep}\n"}))


@pytest.mark.parametrize("quote", ["'", '"', "$'", "`", "\\"])
def test_a_quote_that_nobody_closes_beside_a_wide_character_is_read(tmp_path: Path, quote: str) -> None:
    for wide in ("é", "漢", "😀"):
        declared = declare(tmp_path, {"Dockerfile": f"{BASE}RUN pip install {quote}{wide}${{A{wide}{quote}{wide}\n"})
        assert "reader_failed" not in errors(declared)
