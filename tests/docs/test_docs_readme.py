"""Every command of README.md is run, prints what README.md shows, and ends with the exit code that it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from docs.consoles import ROOT, Command, commands
from service.live import free_port

from gate.cli.run import COMMANDS

README = ROOT / "README.md"
PORT = "8080"

_IDS = {"EXR-…": "EXR-[a-z2-7]+", "EVL-…": "EVL-[0-9a-f]+", "sha256:…": "sha256:[0-9a-f]{64}"}

_HEAD = r"""
printed() { for n in $(seq 0 "$2"); do cat "$KEPT/out.$n"; done | grep -oE "$1" | tail -n 1; }
opens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
answers() { for _ in $(seq 300); do opens "$1" && return; sleep 0.1; done; return 1; }
trap 'test -z "${SERVER:-}" || { kill "$SERVER"; wait "$SERVER"; } 2>/dev/null' EXIT
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command, what it printed on both streams, and its exit code."""

    command: Command
    output: str
    code: int


def journeys() -> list[Command]:
    return [command for command in commands(README) if not command.line.startswith("make ")]


def environ() -> dict[str, str]:
    """Return this process's environment with this `gate` first, and nobody's settings of it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATE_")}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def script(typed: list[Command], port: int) -> str:
    """Return the session as one shell script, which keeps output and exit code of each command apart."""
    lines = [_HEAD]
    for number, command in enumerate(typed):
        line = command.line.replace(PORT, str(port))
        for placeholder, pattern in _IDS.items():
            line = line.replace(placeholder, f"$(printed '{pattern}' {number - 1})")
        if line.endswith(" &"):
            lines.append(f'{line[:-2]} >"$KEPT/out.{number}" 2>&1 & SERVER=$!; answers {port}; code=$?')
        else:
            lines.append(f'{{ {line}\n}} >"$KEPT/out.{number}" 2>&1; code=$?')
        lines.append(f'echo "$code" >"$KEPT/code.{number}"')
    return "\n".join(lines)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    """Type everything but `make`, in one shell, from an empty folder."""
    folder, kept = tmp_path_factory.mktemp("readme"), tmp_path_factory.mktemp("kept")
    typed = journeys()
    subprocess.run(
        ["/bin/bash", "-c", script(typed, free_port())],
        cwd=folder,
        env={**environ(), "KEPT": str(kept)},
        check=True,
        timeout=240,
    )
    return [
        Ran(
            command=command,
            output=(kept / f"out.{number}").read_text(),
            code=int((kept / f"code.{number}").read_text()),
        )
        for number, command in enumerate(typed)
    ]


@pytest.mark.parametrize("number", range(len(journeys())), ids=[command.line[:60] for command in journeys()])
def test_a_command_of_the_readme_does_what_the_readme_says(session: list[Ran], number: int) -> None:
    ran = session[number]
    assert ran.code == ran.command.code, ran.output
    matches = ran.command.pattern().fullmatch(ran.output) is not None
    assert matches, f"{ran.command.line}\n{ran.output}"
    assert "Traceback" not in ran.output


def test_the_first_thing_that_a_reader_types_comes_out_as_it_must() -> None:
    assert commands(README)[0].line == "make demo"
    done = make("demo", f"BIN={Path(sys.executable).parent}")
    assert done.returncode == 0, done.stdout
    assert "5. The ledger: verified: " in done.stdout


def test_the_second_runs_the_linter_the_types_and_the_tests() -> None:
    assert commands(README)[1].line == "make test"
    done = make("--dry-run", "test")
    assert done.returncode == 0, done.stderr
    for part in ("ruff check .", "ruff format --check .", "mypy", "coverage run -m pytest", "coverage report"):
        assert part in done.stdout


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make, taking the environment that the tests run in for the one that it would set up."""
    return subprocess.run(
        [shutil.which("make") or "make", "--old-file", ".venv/ready", *arguments],
        cwd=ROOT,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_the_readme_has_every_kind_of_outcome() -> None:
    assert {command.code for command in journeys() if "evaluate" in command.line} == {0, 10, 11}


def test_the_command_table_is_the_one_of_the_help() -> None:
    rows = re.findall(r"^\| `gate (\w+)` \| (.*) \|$", README.read_text(), re.MULTILINE)
    assert rows == [(name, line) for name, (_, line) in COMMANDS.items()]


def test_every_document_that_is_linked_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text())
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []
