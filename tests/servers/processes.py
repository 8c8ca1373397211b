"""Start a real server as a child process, wait until it answers, and end exactly that process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
_POLL = 0.05


class ServerError(RuntimeError):
    """A server did not come up; the message ends with the last lines of its log."""


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, ready: Callable[[], bool], environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, its output in `log`, from the moment at which `ready` says so to the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=None if environ is None else dict(environ),
        )
    try:
        _wait(process, log, ready)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End one process: asked first, then forced."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def run(command: Sequence[str], *, environ: Mapping[str, str] | None = None, data: bytes = b"") -> str:
    """Run a program to its end and return its output.

    Raises:
        ServerError: it failed; the message holds what it said.
    """
    try:
        done = subprocess.run(
            list(command),
            input=data,
            capture_output=True,
            check=False,
            env=None if environ is None else {**os.environ, **environ},
        )
    except OSError as error:
        message = f"`{command[0]}` can't be run: {error.strerror}"
        raise ServerError(message) from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")[-4000:]
        message = f"`{' '.join(command)[:200]}` failed ({done.returncode}):\n{said}"
        raise ServerError(message)
    return done.stdout.decode(errors="replace")


def _wait(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-4000:]
            message = f"`{process.args!s:.200}` did not come up:\n{tail}"
            raise ServerError(message)
        time.sleep(_POLL)
