"""Every help text is there, and the exit codes that it names are those of the contract."""

from __future__ import annotations

import importlib
import re

import pytest
import typer
from docs.consoles import ROOT

from gate.account import CANNOT_DECIDE, EXIT
from gate.cli import main
from gate.cli.check import EXIT_CODES
from gate.cli.run import COMMANDS
from gate.errors import GateError, UsageError
from gate.exceptions.refusals import RefusedError
from gate.model.decision import Outcome

CONTRACT = {0, 2, 10, 11, 12}
"""What a command may say that it ends with; 1 is left to crashes, and said once, for all."""

_SAID = re.compile(r"Exit codes: (.*?)\.(?:\s|$)", re.DOTALL)


def leaves() -> list[tuple[str, ...]]:
    """Return every command line that does something, without its arguments."""
    found: list[tuple[str, ...]] = []
    for name, (module, _) in COMMANDS.items():
        app: typer.Typer = importlib.import_module(module).app
        commands = [
            command.name or command.callback.__name__ for command in app.registered_commands if command.callback
        ]
        alone = commands == [name]
        found += [(name,)] if alone else [(name, command) for command in commands]
    return found


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words, "--help"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return " ".join(printed.out.split())


def codes(text: str) -> dict[int, str]:
    """Return the codes that a help text names, with what it says of each."""
    said = _SAID.search(text)
    assert said is not None, text
    parts = [part.strip().split(" ", 1) for part in said.group(1).split(",")]
    return {int(code): meaning for code, meaning in parts if code.isdecimal()}


@pytest.mark.parametrize("words", leaves(), ids=" ".join)
def test_every_command_explains_itself_and_its_exit_codes(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    named = codes(shown(capsys, *words))
    assert 0 in named
    assert set(named) <= CONTRACT


@pytest.mark.parametrize("name", sorted({words[0] for words in leaves() if len(words) > 1}))
def test_every_group_lists_what_it_has(capsys: pytest.CaptureFixture[str], name: str) -> None:
    text = shown(capsys, name)
    assert all(f" {words[1]} " in text for words in leaves() if words[0] == name and len(words) > 1)


def test_the_codes_of_an_evaluation_are_those_of_its_outcomes(capsys: pytest.CaptureFixture[str]) -> None:
    named = codes(shown(capsys, "evaluate"))
    assert named[EXIT[Outcome.PROMOTE]] == "promoted"
    assert named[EXIT[Outcome.DISCARD]] == "discarded"
    assert named[EXIT[Outcome.HOLD]] == "held for missing evidence"
    assert named[CANNOT_DECIDE] == "could not decide"


def test_the_codes_of_a_check_are_those_of_its_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(EXIT_CODES.values()) | {UsageError.exit_code} == set(codes(shown(capsys, "check")))


def test_the_readme_and_the_first_help_say_the_same_codes(capsys: pytest.CaptureFixture[str]) -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {int(code) for code, _ in rows} == CONTRACT | {1} == set(codes(shown(capsys)))
    table = {int(code): meaning for code, meaning in rows}
    assert table[EXIT[Outcome.PROMOTE]] == "allowed or promoted"
    assert table[RefusedError.exit_code] == "denied or discarded"
    assert table[GateError.exit_code].startswith("could not decide")
    assert table[UsageError.exit_code] == "wrong usage"
