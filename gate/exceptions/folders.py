"""Open, name and measure what lies below a folder, following no symbolic link; failures are the gate's own errors."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def open_folder(path: Path, *segments: str, make: bool = False) -> Iterator[int]:
    """Open a folder below the storage's, following no link on the way; make what is missing if asked to."""
    if make:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The storage's own path may lead through links: the operator named it.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for segment in segments:
            if make:
                _make(segment, descriptor)
            below = os.open(segment, _FOLDER_FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _make(segment: str, parent: int) -> None:
    try:
        os.mkdir(segment, 0o700, dir_fd=parent)
    except FileExistsError:
        return


def open_file(folder: int, name: str) -> int:
    """Open a regular file for reading; the caller closes the descriptor. StoreError if it is of another kind."""
    descriptor = os.open(name, _FILE_FLAGS, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise odd(name)
    return descriptor


def size_of(folder: int, name: str) -> int:
    """Return the size of a regular file in bytes. StoreError if it is of another kind."""
    facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(facts.st_mode):
        raise odd(name)
    return facts.st_size


def names_in(folder: int, *, besides: str) -> tuple[str, ...]:
    """Return the names in an open folder, sorted, without those that begin with `besides`."""
    names = os.listdir(folder)  # by descriptor: a path could be led elsewhere by a link
    return tuple(sorted(name for name in names if not name.startswith(besides)))


def unlink(folder: int, name: str) -> None:
    """Remove a name, if it is there."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return


def odd(name: str) -> StoreError:
    """Return the error for something that the gate did not put into its storage."""
    message = f"the storage holds something that the gate did not put there: `{name[:200]}`"
    return StoreError(message, code="storage_odd", hint="take it out of the storage, and find out who put it there")


@contextmanager
def translating_os_errors() -> Iterator[None]:
    """Raise StoreError for what the operating system refuses inside."""
    try:
        yield
    except OSError as error:
        message = f"the private storage can't be used: {error.strerror}"
        raise StoreError(
            message, code="storage_failed", hint="check the folder's path, owner, mode, links and free space"
        ) from error
