"""Keep facts in a folder, so that the next process, or one without a network, need not ask again."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROOF = 32
_SUFFIX = ".facts"


class FolderCache:
    """One file a key, named by the key's sha256; a file that is cut or altered is no answer.

    Files are written whole or not at all, so that processes may share the folder. Beyond `limit` bytes the oldest go.
    A folder that can't be written costs time and is no error.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        """Look at nothing yet."""
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._bytes: int | None = None

    def get(self, key: str) -> bytes | None:
        """Return what was put under the key, or None."""
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        proof, kept = data[:_PROOF], data[_PROOF:]
        return kept if proof == _proof(key, kept) else None

    def put(self, key: str, data: bytes) -> None:
        """Keep the bytes."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as made:
                made.write(_proof(key, data) + data)
            Path(made.name).replace(self._path(key))
            self._make_room(len(data) + _PROOF)

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}{_SUFFIX}"

    def _make_room(self, more: int) -> None:
        with self._lock:
            if self._bytes is None:
                self._bytes = sum(status.st_size for _, status in self._files())
            else:
                self._bytes += more
            if self._bytes <= self._limit:
                return
            for path, status in sorted(self._files(), key=lambda pair: pair[1].st_mtime_ns):
                if self._bytes <= self._limit:
                    return
                with suppress(OSError):
                    path.unlink()
                    self._bytes -= status.st_size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError):
                yield path, path.stat()


def _proof(key: str, data: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + data).digest()
