"""A private PostgreSQL server for tests: its own folder, a Unix socket and no port, gone at the end."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

_READY_SECONDS = 60.0


class PostgresServer:
    """A running server, which makes a new database for whoever asks."""

    def __init__(self, socket: Path) -> None:
        """Reach the server through the folder of its socket."""
        self._socket = socket

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"gate_{uuid.uuid4().hex}"
        with psycopg.connect(host=str(self._socket), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        return f"postgresql+psycopg://postgres@/{name}?host={self._socket}"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server as a user who is not root, which PostgreSQL insists on, and stop it at the end."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="gate-pg-"))
    user = _user()
    try:
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        data = folder / "data"
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"]
        _run([*initdb, "--locale=C"], user=user, folder=folder)
        settings = ["listen_addresses=", "fsync=off", "max_connections=50", f"unix_socket_directories={folder}"]
        options = [part for setting in settings for part in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [str(programs / "postgres"), "-D", str(data), *options],
                user=user,
                group=user,
                extra_groups=[] if user else None,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(folder, server)
            yield PostgresServer(folder)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(timeout=_READY_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += [Path(place) for place in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]  # noqa: PTH207
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    message = "PostgreSQL's `initdb` and `postgres` are missing: install the package `postgresql`"
    raise RuntimeError(message)


def _user() -> str | None:
    return "postgres" if os.geteuid() == 0 else None


def _run(command: list[str], *, user: str | None, folder: Path) -> None:
    done = subprocess.run(
        command, user=user, group=user, extra_groups=[] if user else None, cwd=folder, capture_output=True, check=False
    )
    if done.returncode:
        message = f"`{command[0]}` failed: {done.stderr.decode(errors='replace')}"
        raise RuntimeError(message)


def _wait(folder: Path, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    message = f"PostgreSQL did not start: {(folder / 'log').read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)
