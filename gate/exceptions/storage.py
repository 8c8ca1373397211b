"""Keep approved files under the sha256 of their bytes; what does not have it is never handed out.

Layout of a folder: `sha256/<first two digits>/<64 digits>/<file name>`, folders 0700, files 0600.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
from typing import TYPE_CHECKING, BinaryIO, Protocol

from gate.bounds import MIB, StorageBounds
from gate.errors import BoundError, InputError, NotFoundError
from gate.exceptions.folders import names_in, odd, open_file, open_folder, size_of, translating_os_errors, unlink
from gate.exceptions.verified import VerifiedFile
from gate.model.digest import is_digest
from gate.model.exception import GrantedFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_CHUNK = MIB
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,199}")
_HEX = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = ".part-"


class PrivateStorage(Protocol):
    """Where approved files lie. Digests are `sha256:<hex>` of the whole file.

    Raises (all methods):
        StoreError: the storage can't be read or written; `storage_…` tells more.
    """

    def put(self, stream: BinaryIO, filename: str) -> GrantedFile:
        """Keep the rest of the stream; the same bytes under the same name are there already, and nothing is written.

        Raises:
            InputError: `file_name`: not a plain file name.
            BoundError: the file is larger than the bounds allow; nothing of it stays.
            IntegrityError: a file stands in its place whose bytes were altered; it is left as it is.
        """
        ...

    def open(self, sha256: str) -> BinaryIO:
        """Open a file for reading, seekable; the caller closes it.

        Raises:
            NotFoundError: there is no such file.
            IntegrityError: on reading, before the last byte is handed out: the bytes were altered.
        """
        ...

    def has(self, sha256: str) -> bool:
        """Say whether there is a file of that digest; its bytes are not looked at."""
        ...

    def list(self) -> tuple[GrantedFile, ...]:
        """Return every file, sorted by digest and name; its bytes are not looked at."""
        ...


def refuse_odd_name(filename: str) -> None:
    """Refuse what is not the plain name of a file.

    Raises:
        InputError: `file_name`.
    """
    if not _NAME.fullmatch(filename):
        message = "a stored file has a plain name: letters, digits, `.`, `_`, `+`, `!` and `-`, at most 200"
        raise InputError(message, code="file_name", hint="rename the file", name=filename[:200])


class FolderStorage:
    """Keeps files in a folder. Below it no symbolic link is followed, and nothing is ever overwritten or removed."""

    def __init__(self, path: Path, bounds: StorageBounds | None = None) -> None:
        """Name the folder; it is made at the first `put`."""
        self._path = path
        self._bounds = bounds or StorageBounds()

    def put(self, stream: BinaryIO, filename: str) -> GrantedFile:
        """Write beside, sync, link into place: a file is there whole or not at all."""
        refuse_odd_name(filename)
        with translating_os_errors(), open_folder(self._path, "sha256", make=True) as root:
            temporary = _TEMPORARY + secrets.token_hex(8)
            try:
                hexadecimal, size = self._write(stream, root, temporary)
                kept = GrantedFile(filename=filename, sha256=f"sha256:{hexadecimal}", size=size)
                self._link(root, temporary, kept)
            finally:
                unlink(root, temporary)
        return kept

    def open(self, sha256: str) -> BinaryIO:
        """Open whichever name the bytes have; all names of one digest have the same bytes."""
        with translating_os_errors():
            for name in self._names(sha256):
                with self._home(sha256) as home:
                    return io.BufferedReader(VerifiedFile(open_file(home, name), sha256), _CHUNK)
        message = "there is no stored file of that digest"
        raise NotFoundError(
            message, code="file_not_stored", hint="approve the request again with the file", sha256=sha256
        )

    def has(self, sha256: str) -> bool:
        """Look for a name below the digest."""
        with translating_os_errors():
            return bool(self._names(sha256))

    def list(self) -> tuple[GrantedFile, ...]:
        """Walk the folders."""
        with translating_os_errors():
            return tuple(sorted(self._walk(), key=lambda file: (file.sha256, file.filename)))

    def _walk(self) -> Iterator[GrantedFile]:
        for shard in self._entries("sha256"):
            for hexadecimal in self._entries("sha256", shard):
                if not _HEX.fullmatch(hexadecimal) or not hexadecimal.startswith(shard):
                    raise odd(hexadecimal)
                digest = f"sha256:{hexadecimal}"
                with self._home(digest) as home:
                    for name in self._names(digest):
                        yield GrantedFile(filename=name, sha256=digest, size=size_of(home, name))

    def _write(self, stream: BinaryIO, root: int, temporary: str) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=root), "wb") as file:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > self._bounds.file_bytes:
                    message = f"the file has more than {self._bounds.file_bytes} bytes"
                    raise BoundError(message, code="file_too_large", hint="approve smaller wheels, or raise the bound")
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return digest.hexdigest(), size

    def _link(self, root: int, temporary: str, kept: GrantedFile) -> None:
        hexadecimal = kept.sha256.removeprefix("sha256:")
        with (
            open_folder(self._path, "sha256", hexadecimal[:2], make=True) as shard,
            open_folder(self._path, "sha256", hexadecimal[:2], hexadecimal, make=True) as home,
        ):
            try:
                os.link(temporary, kept.filename, src_dir_fd=root, dst_dir_fd=home, follow_symlinks=False)
            except FileExistsError:
                with VerifiedFile(open_file(home, kept.filename), kept.sha256) as standing:
                    standing.verify()
            for folder in (home, shard, root):
                os.fsync(folder)

    def _home(self, sha256: str) -> AbstractContextManager[int]:
        hexadecimal = sha256.removeprefix("sha256:")
        return open_folder(self._path, "sha256", hexadecimal[:2], hexadecimal)

    def _names(self, sha256: str) -> tuple[str, ...]:
        if not is_digest(sha256):
            return ()
        hexadecimal = sha256.removeprefix("sha256:")
        return self._entries("sha256", hexadecimal[:2], hexadecimal)

    def _entries(self, *segments: str) -> tuple[str, ...]:
        try:
            with open_folder(self._path, *segments) as folder:
                return names_in(folder, besides=_TEMPORARY)
        except FileNotFoundError:
            return ()
