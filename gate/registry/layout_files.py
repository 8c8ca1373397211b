"""Files of one OCI layout folder, opened below a directory handle, so that no symlink can lead out of it.

Reading follows a symlink in the path of the folder itself (somebody typed it); changing does not: what a policy calls
staging could otherwise be a release folder under another name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from gate.errors import BoundError, BusyError, InputError, NotFoundError, UpstreamError, UsageError
from gate.registry.layout_index import INDEX

if TYPE_CHECKING:
    from gate.model.digest import Digest
    from gate.registry.layout_index import LayoutIndex

LOCK = ".gate.lock"
_NO_FOLLOW = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_DIRECTORY = _NO_FOLLOW | os.O_DIRECTORY
_TEMPORARY = (".gate-", ".part")
_POLL = 0.02


class AbsentError(NotFoundError):
    """The layout folder, or a file of it, does not exist."""

    code = "layout_absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One open layout folder. `handle` is a directory descriptor; `path` is for messages."""

    path: str
    handle: int

    def read(self, name: str, limit: int) -> bytes:
        """Read a whole file of at most `limit` bytes.

        Raises:
            AbsentError: no such file.
            BoundError: it is larger.
            InputError: it, or a folder on its way, is a symlink or no regular file.
        """
        with self.open(name) as stream, translated(self.path):
            data = stream.read(limit + 1)
        if len(data) > limit:
            message = f"`{self.path}/{name}` is larger than {limit} bytes"
            raise BoundError(message, path=self.path, file=name, limit=limit)
        return data

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a regular file for reading; errors as `read`."""
        with translated(self.path), self._parent(name) as parent:
            # Without O_NONBLOCK a fifo would hang the gate for ever.
            handle = os.open(PurePosixPath(name).name, _NO_FOLLOW | os.O_NONBLOCK, dir_fd=parent)
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                message = f"`{self.path}/{name}` is no regular file"
                raise InputError(message, code="layout_invalid", path=self.path, file=name)
        with os.fdopen(handle, "rb", buffering=0) as stream:
            yield stream

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[BinaryIO]:
        """Write a file that appears whole, on disk, or not at all: temporary file, fsync, rename."""
        temporary, handle = self._temporary()
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                with translated(self.path), self._parent(name) as parent:
                    stream.flush()
                    os.fsync(stream.fileno())
                    os.rename(temporary, PurePosixPath(name).name, src_dir_fd=self.handle, dst_dir_fd=parent)
                    os.fsync(parent)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=self.handle)
            raise

    def sweep(self) -> None:
        """Remove what writers that were killed left behind: a temporary file whose lock nobody holds."""
        for name in self.names():
            if not (name.startswith(_TEMPORARY[0]) and name.endswith(_TEMPORARY[1])):
                continue
            with contextlib.suppress(AbsentError, BlockingIOError, InputError), translated(self.path):
                handle = os.open(name, _NO_FOLLOW | os.O_NONBLOCK, dir_fd=self.handle)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(name, dir_fd=self.handle)
                finally:
                    os.close(handle)

    def _temporary(self) -> tuple[str, int]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        while True:
            name = secrets.token_hex(8).join(_TEMPORARY)
            with translated(self.path):
                handle = os.open(name, flags, 0o644, dir_fd=self.handle)
                fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:
                return name, handle
            os.close(handle)  # swept away between the two calls

    def remove(self, name: str) -> None:
        """Remove a file for good; absent already is no error."""
        with contextlib.suppress(AbsentError), translated(self.path), self._parent(name) as parent:
            os.unlink(PurePosixPath(name).name, dir_fd=parent)
            os.fsync(parent)

    def names(self) -> list[str]:
        """List the folder's own entries."""
        with translated(self.path):
            return os.listdir(self.handle)  # noqa: PTH208 - a folder's handle is no path

    def make(self, *names: str) -> None:
        """Make folders one below the other, where they are not there yet."""
        with translated(self.path), contextlib.ExitStack() as stack:
            parent = self.handle
            for name in names:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=parent)
                parent = os.open(name, _DIRECTORY, dir_fd=parent)
                stack.callback(os.close, parent)

    @contextlib.contextmanager
    def locked(self, wait: float) -> Iterator[None]:
        """Hold the folder's lock, which dies with the process; wait at most `wait` seconds for it.

        Raises:
            BusyError: somebody else holds it.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with translated(self.path):
            handle = os.open(LOCK, flags, 0o644, dir_fd=self.handle)
        try:
            with translated(self.path):
                _acquire(handle, wait, self.path)
            yield
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _parent(self, name: str) -> Iterator[int]:
        parts = PurePosixPath(name).parts[:-1]
        with contextlib.ExitStack() as stack:
            parent = self.handle
            for part in parts:
                parent = os.open(part, _DIRECTORY, dir_fd=parent)
                stack.callback(os.close, parent)
            yield parent


@contextlib.contextmanager
def opened(path: str) -> Iterator[Folder]:
    """Open a layout folder for reading.

    Raises:
        AbsentError: there is none.
        UsageError: the path is not absolute, or not written in its shortest form.
    """
    _check(path)
    with translated(path):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Folder(path=path, handle=handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def opened_to_change(path: str, *, create: bool) -> Iterator[Folder]:
    """Open a layout folder for changing it, through no symlink at all; make it and its parents if `create`."""
    _check(path)
    with translated(path):
        handle = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in PurePosixPath(path).parts[1:]:
            parent = handle
            try:
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=parent)
                handle = os.open(part, _DIRECTORY, dir_fd=parent)
            finally:
                os.close(parent)
    try:
        yield Folder(path=path, handle=handle)
    finally:
        os.close(handle)


def blob_name(digest: Digest) -> str:
    """Return the file of a blob, by the layout's root."""
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def write_index(folder: Folder, before: LayoutIndex | None, after: LayoutIndex) -> None:
    """Write the index if it is not what it was; under the folder's lock, or the last writer wins."""
    if before != after:
        with folder.replacing(INDEX) as written:
            written.write(after.dump())


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn what the operating system says of a layout into the gate's errors."""
    try:
        yield
    except FileNotFoundError as error:
        message = f"no such file or folder in the OCI layout `{path}`"
        raise AbsentError(message, hint="check the folder's name", path=path) from error
    except BlockingIOError:
        raise  # a lock that somebody holds; not an error of the layout
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            message = f"`{path}` has a symlink or a file where the OCI layout needs a folder or a file of its own"
            hint = "name the folder by its real path and keep the layout's files in it"
            raise InputError(message, code="layout_symlink", hint=hint, path=path) from error
        message = f"the OCI layout `{path}` can't be used: {error.strerror}"
        raise UpstreamError(message, code="layout_failed", path=path, reason=error.strerror) from error


def _check(path: str) -> None:
    if (
        not path.startswith("/")
        or path.startswith("//")
        or "\0" in path
        or str(PurePosixPath(path)) != path
        or ".." in path.split("/")
    ):
        message = f"an OCI layout is named by its absolute folder, without `.` and `..`: `{path[:200]}`"
        raise UsageError(message, code="layout_path")


def _acquire(handle: int, wait: float, path: str) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                message = f"somebody else is changing the OCI layout `{path}`"
                raise BusyError(message, hint="try again", path=path) from error
            time.sleep(_POLL)
        else:
            return
