"""The RECORD of an installed distribution, held row by row against the files of the image.

Source: PyPA specification "Recording installed projects", section RECORD.
"""

from __future__ import annotations

import csv
import io
from binascii import b2a_base64
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gate.image.tree import FileEntry, Folder, LinkEntry, find, find_file, shown
from gate.model.image import RecordCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = 10
_COLUMNS = 3
_URLSAFE = bytes.maketrans(b"+/", b"-_")
_UNHASHED_NAMES = ("/RECORD", "/RECORD.jws", "/RECORD.p7s", ".pyc")


class Row(NamedTuple):
    """One row as written: a path relative to the folder that holds the `.dist-info`, a hash, a size."""

    path: str
    hash: str
    size: str


_ROW = partial(tuple.__new__, Row)
"""A tuple's own constructor: there are tens of thousands of rows."""


class RecordError(ValueError):
    """The RECORD can't be read."""


def rows_of(data: bytes) -> Iterator[Row]:
    """Parse a RECORD row by row, so that a huge one costs no memory. A row that is wrong says nothing of those before.

    Raises:
        RecordError: not CSV of three columns.
    """
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="surrogateescape", newline="")
    try:
        for row in csv.reader(text, strict=True):
            if len(row) == _COLUMNS and row[0]:
                yield _ROW(row)
            elif row:
                message = f"a row has {len(row)} columns, or no path"
                raise RecordError(message)
    except csv.Error as error:
        raise RecordError(str(error)) from error


class RecordFolder:
    """Looks up paths as rows write them, from the folder that holds the `.dist-info`."""

    def __init__(self, root: Folder, site: str) -> None:
        """Look nothing up yet; `site` is the folder's path in the image."""
        self._root = root
        self._site = site
        self._folders: dict[str, tuple[str, Folder] | None] = {}

    def find(self, path: str) -> tuple[str, FileEntry] | None:
        """Return the real path and the entry of a regular file, links followed; nothing if there is none."""
        head, _, name = path.rpartition("/")
        try:
            place = self._folders[head]
        except KeyError:
            start = f"/{head}" if path.startswith("/") else f"{self._site}/{head}"
            place = self._folders[head] = self._folder(start)
        if place is None:
            return None
        real, folder = place
        entry = folder.entries.get(name)
        if type(entry) is FileEntry:
            return f"{real}/{name}" if real else name, entry
        return find_file(self._root, f"{real}/{name}") if type(entry) is LinkEntry else None

    def _folder(self, path: str) -> tuple[str, Folder] | None:
        found = find(self._root, path)
        return (found[0], found[1]) if found is not None and isinstance(found[1], Folder) else None


def hash_of(entry: FileEntry) -> str:
    """Write a file's sha256 as rows do: urlsafe base64 without padding."""
    return "sha256=" + b2a_base64(entry.sha256, newline=False).translate(_URLSAFE, b"=").decode()


class RecordTally:
    """Holds rows against the image, one after the other; keeps counts and a few examples."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._counts = Counter[str]()
        self._examples: dict[str, list[str]] = {"differing": [], "missing": [], "bare": []}

    def add(self, row: Row, entry: FileEntry | None) -> None:
        """Hold one row against the file that it names. A hash that is no sha256 can't be checked, so it differs."""
        verdict = _verdict(row, entry)
        if verdict == "equal":
            self._counts[verdict] += 1
            return
        self.count(row.path, verdict)
        if not row.hash and not f"/{row.path}".endswith(_UNHASHED_NAMES):
            self._counts["bare"] += 1
            self._note("bare", row.path)

    def count(self, path: str, verdict: str) -> None:
        """Count one path as `equal`, `unhashed`, `missing` or `differing`."""
        self._counts[verdict] += 1
        if verdict in self._examples:
            self._note(verdict, path)

    def check(self) -> RecordCheck:
        """Return what was counted."""
        counts = tuple(self._counts[verdict] for verdict in ("equal", "missing", "differing", "unhashed"))
        equal, missing, differing, unhashed = counts
        examples = (self._examples["differing"] + self._examples["missing"])[:EXAMPLES]
        return RecordCheck(
            rows=sum(counts),
            equal=equal,
            missing=missing,
            differing=differing,
            unhashed=unhashed,
            examples=tuple(shown(path)[:300] for path in examples),
        )

    def bare(self) -> tuple[int, str]:
        """Return how many rows have no hash though no installer had a reason to leave it out, and one of them."""
        return self._counts["bare"], "".join(shown(path)[:300] for path in self._examples["bare"][:1])

    def _note(self, kind: str, path: str) -> None:
        if len(self._examples[kind]) < EXAMPLES:
            self._examples[kind].append(path)


def _verdict(row: Row, entry: FileEntry | None) -> str:
    _, wanted, size = row
    if not wanted:
        return "unhashed"
    if entry is None:
        return "missing"
    return "equal" if hash_of(entry) == wanted and size in ("", str(entry.size)) else "differing"
