"""Run a resolver as a child: an environment of its own, an empty folder, bounded in time, output and memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gate.bounds import GIB
from gate.errors import BoundError, GateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_CHUNK = 64 * 1024
_START = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module(sys.argv.pop(1), run_name='__main__')"
_UNFIT = "resolver_missing"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, which only we may enter
_ROOM = GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended: its exit code, and what it printed."""

    code: int
    output: bytes
    errors: bytes


def clean_environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a child: nothing of ours but where certificates lie and how to find a loader.

    Args:
        home: a private folder; so no `~/.netrc`, no `~/.config`, no `~/.condarc` is there to be read.
        more: what this child needs.
    """
    kept = {name: os.environ[name] for name in _CERTIFICATES if os.environ.get(name)}
    for name in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        # The words by which `requests` is told, so that one setting serves the gate and its children.
        if os.environ.get(name):
            kept["SSL_CERT_FILE"] = os.environ[name]
    system = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    folders = {"HOME": str(home), "TMPDIR": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CONFIG_DIRS": str(home)}
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", **system, **folders, **kept, **more}


def own_program(module: str) -> list[str]:
    """Return the command that runs a module of the gate, wherever the gate lies.

    `-I`: no path of the working directory, no `PYTHON*` variable, no packages of the user's own. So the folder that the
    gate itself was imported from is named, and looked in last.
    """
    import gate  # noqa: PLC0415 - only its place is asked for

    return [sys.executable, "-I", "-c", _START, str(Path(gate.__file__).parent.parent), module]


def run_child(  # noqa: PLR0913 - what a child is given and what it may cost, by name
    command: Sequence[str], environment: Mapping[str, str], *, folder: Path, given: bytes, seconds: float, most: int
) -> Ended:
    """Run a program to its end.

    Args:
        command: the program and its arguments.
        environment: all of it.
        folder: where it runs; empty but for what the caller put there.
        given: its standard input.
        seconds: how long it may run.
        most: how many bytes it may print, on each of its two outputs.

    Raises:
        BoundError: `resolver_timeout` or `resolver_output`; the child and all its children are gone.
        GateError: `resolver_missing`, the program can't be started.
    """
    try:
        child = subprocess.Popen(  # noqa: S603 - a program of our own choice, arguments of our own
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        message = f"the resolver `{Path(command[0]).name}` can't be started: {error.strerror}"
        raise GateError(message, hint="install the gate with its extra `resolve`", code=_UNFIT) from error
    with child:
        return _watched(child, given, seconds, most)


def _watched(child: subprocess.Popen[bytes], given: bytes, seconds: float, most: int) -> Ended:
    pipes = _Pipes(child, given, most)
    try:
        ended = pipes.drain(seconds)
    except BaseException:
        pipes.stop()
        raise
    if not ended:
        # The child has not been waited for, so its number is still its own.
        pipes.stop()
    pipes.join()
    code = child.wait()
    if pipes.over:
        message = f"the resolver printed more than {most} bytes"
        raise BoundError(message, hint="raise the bound if this is expected", code="resolver_output")
    if not ended:
        message = f"the resolver did not end within {seconds:g} seconds"
        hint = "resolve fewer things at once, pin more of them, or raise the bound"
        raise BoundError(message, hint=hint, code="resolver_timeout")
    return Ended(code=code, output=pipes.kept["output"], errors=pipes.kept["errors"])


class _Pipes:
    """The child's pipes: feeds the one, drains the two, and stops the child where there is too much."""

    def __init__(self, child: subprocess.Popen[bytes], given: bytes, most: int) -> None:
        self.kept: dict[str, bytes] = {}
        self.over = False
        self._child = child
        self._most = most
        pipes = {"output": child.stdout, "errors": child.stderr}
        self._threads = [
            threading.Thread(target=self._listen, args=(name, pipe), daemon=True) for name, pipe in pipes.items()
        ]
        self._threads.append(threading.Thread(target=self._feed, args=(child.stdin, given), daemon=True))
        for thread in self._threads:
            thread.start()

    def drain(self, seconds: float) -> bool:
        """Wait until both outputs have ended, which they do when nobody is left to write; say whether they did."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))
        return not any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def _listen(self, name: str, pipe: IO[bytes]) -> None:
        chunks: list[bytes] = []
        room = self._most
        while data := pipe.read1(_CHUNK):  # type: ignore[attr-defined]  # a pipe of `Popen` is buffered
            room -= len(data)
            if room < 0:
                self.over = True
                self.stop()
                break
            chunks.append(data)
        self.kept[name] = b"".join(chunks)

    @staticmethod
    def _feed(pipe: IO[bytes], given: bytes) -> None:
        with contextlib.suppress(OSError), pipe:
            pipe.write(given)


def _in_memory() -> Path | None:
    """Return a file system in memory that has room: hundreds of small files are gone from it at once."""
    try:
        found = os.statvfs(_MEMORY)
    except (OSError, AttributeError):
        return None
    roomy = found.f_bavail * found.f_frsize >= _ROOM and os.access(_MEMORY, os.W_OK | os.X_OK)
    return _MEMORY if roomy else None


class PrivateFolder:
    """An empty folder that only we may enter; what a resolver left in it goes while others look at its answer."""

    def __init__(self) -> None:
        """Make the folder."""
        self.path = Path(tempfile.mkdtemp(prefix="gate-resolve-", dir=_in_memory()))
        self._removing: threading.Thread | None = None

    def done_with(self) -> None:
        """Begin to remove it."""
        self._removing = threading.Thread(target=shutil.rmtree, args=(self.path,), kwargs={"ignore_errors": True})
        self._removing.start()

    def close(self) -> None:
        """Wait until it is gone."""
        if self._removing is None:
            self.done_with()
        if self._removing is not None:
            self._removing.join()
