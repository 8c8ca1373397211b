"""Databases of rpm as rpm writes them, made with SQLite and headers packed here."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INT32, STRING, ARRAY, I18N = 4, 6, 8, 9


def header(
    name: str = "demo",
    version: str = "1.0",
    release: str = "1.azl3",
    *,
    epoch: int | None = None,
    files: Mapping[str, int] | None = None,
    more: Mapping[int, tuple[int, bytes, int]] | None = None,
) -> bytes:
    """Pack a header; `files` are absolute paths with their flags, `more` are raw tags: type, bytes, count."""
    tags: dict[int, tuple[int, bytes, int]] = {
        1000: _text(name),
        1001: _text(version),
        1002: _text(release),
        1022: _text("x86_64"),
        1044: _text(f"{name}-{version}-{release}.src.rpm"),
        1011: (I18N, b"Vendor\0", 1),
    }
    if epoch is not None:
        tags[1003] = (INT32, struct.pack(">L", epoch), 1)
    if files:
        folders = sorted({path.rpartition("/")[0] + "/" for path in files})
        places = [folders.index(path.rpartition("/")[0] + "/") for path in files]
        tags[1037] = (INT32, struct.pack(f">{len(files)}L", *files.values()), len(files))
        tags[1116] = (INT32, struct.pack(f">{len(files)}L", *places), len(files))
        tags[1117] = _texts([path.rpartition("/")[2] for path in files])
        tags[1118] = _texts(folders)
    return pack(tags | dict(more or {}))


def pack(tags: Mapping[int, tuple[int, bytes, int]]) -> bytes:
    """Pack tags into a header blob."""
    store, index = b"", b""
    for tag, (kind, data, count) in tags.items():
        store += bytes(-len(store) % 4)
        index += struct.pack(">lLlL", tag, kind, len(store), count)
        store += data
    return struct.pack(">LL", len(tags), len(store)) + index + store


def database(*headers: bytes, schema: str = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)") -> bytes:
    """Write a database, in the mode of write-ahead logs as rpm has it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(schema)
        connection.executemany("INSERT INTO Packages(blob) VALUES (?)", [(one,) for one in headers])
        connection.commit()
        data: bytes = connection.serialize()
    return data[:18] + b"\2\2" + data[20:]


def _text(value: str) -> tuple[int, bytes, int]:
    return STRING, value.encode() + b"\0", 1


def _texts(values: Sequence[str]) -> tuple[int, bytes, int]:
    return ARRAY, b"".join(value.encode() + b"\0" for value in values), len(values)
