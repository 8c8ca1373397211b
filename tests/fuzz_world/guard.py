"""Watch what reading does to the outside: files, the network, processes, the environment, code that is run.

An audit hook (PEP 578) can't be taken out again, so that this belongs in a process of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FORBIDDEN = (
    "socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.startfile",
    "os.putenv", "os.remove", "os.unsetenv", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod",
    "os.chown", "os.truncate", "os.utime", "os.kill", "os.chdir", "os.setxattr", "os.getxattr", "shutil.",
    "tempfile.", "ctypes.", "mmap.", "pty.", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "sqlite3.",
    "import", "exec", "compile", "pickle.", "marshal.", "code.", "glob.", "signal.", "syslog.",
)  # fmt: skip
"""Events that reading a definition has no business with: all that acts, and all that brings in or runs code."""

_READING = {"open", "os.listdir", "os.scandir", "os.walk", "os.fwalk"}


class Guard:
    """Notes each forbidden event while it is armed, and refuses it. `size`: the bytes of the files that were opened."""

    def __init__(self) -> None:
        self.root = ""
        self.broken: list[str] = []
        self.size = 0
        sys.addaudithook(self._hook)
        setattr(os, "environ", _Watched(os.environ, self))  # noqa: B010 - in its place, not into it

    def arm(self, root: Path) -> None:
        self.broken = []
        self.size = 0
        self.root = os.path.realpath(root)

    def disarm(self) -> list[str]:
        self.root = ""
        return self.broken

    def _hook(self, event: str, facts: tuple[object, ...]) -> None:
        root = self.root
        if not root:
            return
        if event in _READING:
            if not _inside(event, facts, root):
                self._refuse(f"{event} {facts!r:.200}")
            elif event == "open":
                self.size += os.stat(str(facts[0])).st_size  # noqa: PTH116 - an object less for each file
        elif event.startswith(_FORBIDDEN):
            self._refuse(f"{event} {facts!r:.200}")

    def _refuse(self, what: str) -> None:
        self.broken.append(what)
        message = f"forbidden while reading: {what}"
        raise PermissionError(message)


def _inside(event: str, facts: tuple[object, ...], root: str) -> bool:
    """Say whether a read stays below the root and is nothing but a read."""
    path = facts[0]
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    if (
        event == "open"
        and len(facts) > 2
        and isinstance(facts[2], int)
        and facts[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    ):
        return False
    real = os.path.realpath(os.fsdecode(path))
    return real == root or real.startswith(root + "/")


class _Watched(MutableMapping[str, str]):
    """The process environment; a look at it while the guard is armed is noted."""

    def __init__(self, kept: MutableMapping[str, str], guard: Guard) -> None:
        self._kept = kept
        self._guard = guard

    def _look(self, name: object) -> None:
        if self._guard.root:
            self._guard.broken.append(f"environment {name!r}")

    def __getitem__(self, key: str) -> str:
        self._look(key)
        return self._kept[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._look(key)
        self._kept[key] = value

    def __delitem__(self, key: str) -> None:
        self._look(key)
        del self._kept[key]

    def __iter__(self) -> Iterator[str]:
        self._look("*")
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
