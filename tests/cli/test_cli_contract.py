"""What holds for every command: codes, streams, signals, terminals, and that nothing else is shown."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from evaluation.input_world import Said
from service.inprocess import events
from service.live import Live

import gate.cli.run
from gate.cli import main
from gate.cli.run import COMMANDS

TESTS = Path(__file__).parents[1]


def command(*words: str, module: str = "gate") -> list[str]:
    return [sys.executable, "-m", module, *words]


def environ(ground: Live, **more: str) -> dict[str, str]:
    return {**os.environ, **ground.environ, "PYTHONPATH": str(TESTS), **more}


@pytest.mark.parametrize(
    "words",
    [
        ["--no-such-option"],
        ["no-such-command"],
        ["evaluate"],
        ["evaluate", "x"],
        ["evaluate", "x", "--environment", "y", "--format", "sarif"],
        ["evaluate", "x", "--environment", "y", "--deadline", "-1"],
        ["evaluate", "x", "--environment", "y", "--deadline", "nan"],
        ["evaluate", "x", "--environment", "y", "--deadline", "inf"],
        ["serve", "--port", "70000"],
        ["serve", "--host", "10.0.0.1"],
        *([name, "--no-such-option"] for name in COMMANDS),
    ],
    ids=" ".join,
)
def test_wrong_words_end_in_two_with_nothing_on_standard_output(gate: Callable[..., Said], words: list[str]) -> None:
    said = gate(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_is_given_and_names_exit_codes(gate: Callable[..., Said], words: list[str]) -> None:
    said = gate(*words)
    assert (said.code, said.err) == (0, "")
    assert "Exit codes:" in said.out or words[0] in {"audit", "data", "discard", "exception", "policy", "scan"}


def test_the_module_is_the_command(ground: Live) -> None:
    done = subprocess.run(command("--version"), capture_output=True, text=True, check=True, env=environ(ground))
    assert done.stdout.startswith("gate ")


def test_a_crash_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(**_: object) -> None:
        message = "a bug"
        raise RuntimeError(message)

    monkeypatch.setattr(gate.cli.run, "app", crash)
    with pytest.raises(RuntimeError):  # Python ends with 1 and the traceback
        main(["check", "x"])


def test_a_reader_who_went_away_gets_no_traceback_and_no_pass(ground: Live) -> None:
    read, write = os.pipe()
    os.close(read)
    words = command("check", str(ground.folder / "requirements.txt"), "--format", "json")
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, check=False, env=environ(ground))
    os.close(write)
    assert (done.returncode, done.stderr) == (12, b"")


def test_a_terminal_that_knows_few_letters_does_not_hide_the_verdict(ground: Live, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("名 @ git+https://git.example.org/名\n")
    words = command("check", str(tmp_path / "requirements.txt"))
    few = environ(ground, PYTHONIOENCODING="latin-1")
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=few)
    assert done.returncode == 10, done.stderr
    assert "\\u540d" in done.stdout


def evaluation(ground: Live, tag: str, module: str = "service.slow_gate") -> list[str]:
    definition = str(ground.folder / "requirements.txt")
    return command(
        "evaluate", f"oci:{ground.staging}:{tag}", "--environment", definition, "--format", "json", module=module
    )


def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_interrupted_run_is_left_and_the_next_call_goes_on_with_it(ground: Live, tmp_path: Path) -> None:
    ground.push("interrupted")
    env = environ(ground, SLOW_FOLDER=str(tmp_path), GATE_LEASE_SECONDS="2")
    process = subprocess.Popen(
        evaluation(ground, "interrupted"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True
    )
    until((tmp_path / "reached").exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    (tmp_path / "go").touch()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "stopped"
    assert "Traceback" not in err
    time.sleep(2)  # until the lease has lapsed
    done = subprocess.run(
        evaluation(ground, "interrupted"), capture_output=True, text=True, check=False, env=env, timeout=60
    )
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    seen = events(ground, account["id"])
    assert seen[:3] == ["evaluation_submitted", "digest_resolved", "adopted"]
    assert seen.count("promoted") == 1


def on_a_terminal(words: list[str], env: dict[str, str], tmp_path: Path, seen: str) -> tuple[int, str, str]:
    """Run with a terminal as standard error; let the evaluation go on when `seen` was shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=slave, env=env, text=True)
    os.close(slave)
    shown = ""
    while True:
        try:
            shown += os.read(master, 4096).decode(errors="replace")
        except OSError:  # the other side is closed
            break
        if seen in shown:
            (tmp_path / "go").touch()
    out, _ = process.communicate(timeout=60)
    os.close(master)
    return process.returncode, out, shown


def test_a_person_at_a_terminal_sees_that_something_is_going_on(ground: Live, tmp_path: Path) -> None:
    ground.push("watched")
    env = environ(ground, SLOW_FOLDER=str(tmp_path), TERM="xterm")
    code, out, shown = on_a_terminal(evaluation(ground, "watched"), env, tmp_path, "evaluating")
    assert code == 0
    assert json.loads(out)["state"] == "promoted"  # the report is whole: nothing of the progress is in it
    assert "evaluating" in shown


def test_a_pipe_sees_no_progress(ground: Live, tmp_path: Path) -> None:
    ground.push("unwatched")
    env = environ(ground, SLOW_FOLDER=str(tmp_path), TERM="xterm")
    process = subprocess.Popen(
        evaluation(ground, "unwatched"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True
    )
    until((tmp_path / "reached").exists)
    time.sleep(1.3)  # longer than a terminal would have to wait
    (tmp_path / "go").touch()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["state"] == "promoted"
