"""The RECORD of an installed distribution, held row by row against the files of the image.

Source: PyPA specification "Recording installed projects", section RECORD.
"""

from __future__ import annotations

import base64
import csv
import io
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


def rows_of(data: bytes) -> list[Row]:
    """Parse a RECORD; all of it or nothing.

    Raises:
        RecordError: not CSV of three columns.
    """
    text = data.decode("utf-8", "surrogateescape")
    try:
        found = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise RecordError(str(error)) from error
    rows = []
    for row in found:
        if len(row) != _COLUMNS or not row[0]:
            message = f"a row has {len(row)} columns"
            raise RecordError(message)
        rows.append(Row(row[0], row[1], row[2]))
    return rows


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


def check_record(rows: list[Row], folder: RecordFolder) -> RecordCheck:
    """Hold every row against the image. A hash that is no sha256 can't be checked and counts as differing."""
    equal = missing = unhashed = 0
    differing: list[str] = []
    absent: list[str] = []
    for row in rows:
        found = folder.find(row.path)
        if not row.hash:
            unhashed += 1
        elif found is None:
            missing += 1
            absent.append(row.path)
        elif hash_of(found[1]) == row.hash and row.size in ("", str(found[1].size)):
            equal += 1
        else:
            differing.append(row.path)
    examples = tuple(shown(path)[:300] for path in (differing + absent)[:EXAMPLES])
    return RecordCheck(
        rows=len(rows),
        equal=equal,
        missing=missing,
        differing=len(differing),
        unhashed=unhashed,
        examples=examples,
    )


def unhashed_code(rows: list[Row]) -> Iterator[str]:
    """Name rows without a hash that an installer had no reason to leave without one."""
    return (row.path for row in rows if not row.hash and not f"/{row.path}".endswith(_UNHASHED_NAMES))
