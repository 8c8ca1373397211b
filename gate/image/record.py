"""The RECORD of an installed distribution, held row by row against the files of the image.

Source: PyPA specification "Recording installed projects", section RECORD.
"""

from __future__ import annotations

import base64
import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from gate.image.tree import FileEntry, Folder, LinkEntry, find, find_file, shown
from gate.model.image import RecordCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = 10
_COLUMNS = 3
_UNHASHED_NAMES = ("/RECORD", "/RECORD.jws", "/RECORD.p7s", ".pyc")


class Row(NamedTuple):
    """One row as written: a path relative to the folder that holds the `.dist-info`, a hash, a size."""

    path: str
    hash: str
    size: str


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
                yield Row(row[0], row[1], row[2])
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
        if head not in self._folders:
            start = f"/{head}" if path.startswith("/") else f"{self._site}/{head}"
            self._folders[head] = self._folder(start)
        place = self._folders[head]
        if place is None:
            return None
        entry = place[1].entries.get(name)
        real = f"{place[0]}/{name}" if place[0] else name
        if isinstance(entry, LinkEntry):
            return find_file(self._root, real)
        return (real, entry) if isinstance(entry, FileEntry) else None

    def _folder(self, path: str) -> tuple[str, Folder] | None:
        found = find(self._root, path)
        return (found[0], found[1]) if found is not None and isinstance(found[1], Folder) else None


def hash_of(entry: FileEntry) -> str:
    """Write a file's sha256 as rows do: urlsafe base64 without padding."""
    return "sha256=" + base64.urlsafe_b64encode(entry.sha256).rstrip(b"=").decode()


class RecordTally:
    """Holds rows against the image, one after the other; keeps counts and a few examples."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._counts = Counter[str]()
        self._examples: dict[str, list[str]] = {"differing": [], "missing": [], "bare": []}

    def add(self, row: Row, entry: FileEntry | None) -> None:
        """Hold one row against the file that it names. A hash that is no sha256 can't be checked, so it differs."""
        self.count(row.path, _verdict(row, entry))
        if not row.hash and not f"/{row.path}".endswith(_UNHASHED_NAMES):
            self._counts["bare"] += 1
            self._note("bare", row.path)

    def count(self, path: str, verdict: str) -> None:
        """Count one path as `equal`, `unhashed`, `missing` or `differing`."""
        self._counts["rows"] += 1
        self._counts[verdict] += 1
        if verdict in self._examples:
            self._note(verdict, path)

    def check(self) -> RecordCheck:
        """Return what was counted."""
        examples = (self._examples["differing"] + self._examples["missing"])[:EXAMPLES]
        return RecordCheck(
            rows=self._counts["rows"],
            equal=self._counts["equal"],
            missing=self._counts["missing"],
            differing=self._counts["differing"],
            unhashed=self._counts["unhashed"],
            examples=tuple(shown(path)[:300] for path in examples),
        )

    def bare(self) -> tuple[int, str]:
        """Return how many rows have no hash though no installer had a reason to leave it out, and one of them."""
        return self._counts["bare"], "".join(shown(path)[:300] for path in self._examples["bare"][:1])

    def _note(self, kind: str, path: str) -> None:
        if len(self._examples[kind]) < EXAMPLES:
            self._examples[kind].append(path)


def _verdict(row: Row, entry: FileEntry | None) -> str:
    if not row.hash:
        return "unhashed"
    if entry is None:
        return "missing"
    return "equal" if hash_of(entry) == row.hash and row.size in ("", str(entry.size)) else "differing"
