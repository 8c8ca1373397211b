"""Make archives, spoil them byte by byte, and read them as the gate does."""

from __future__ import annotations

import io
import zipfile

import pytest

from gate.bounds import WheelBounds
from gate.errors import InputError
from gate.index.archive import FileSource, Member, read_directory
from gate.index.content import read_member

BOUNDS = WheelBounds()
LIMIT = 1 << 20


def directory(data: bytes, bounds: WheelBounds = BOUNDS) -> tuple[Member, ...]:
    return read_directory(FileSource(io.BytesIO(data)), bounds)


def content(data: bytes, name: str, limit: int = LIMIT) -> bytes:
    member = next(member for member in directory(data) if member.name == name)
    return read_member(FileSource(io.BytesIO(data)), member, limit)


def refusal(data: bytes) -> str:
    """Return the code with which reading the directory and every member is refused."""
    with pytest.raises(InputError) as caught:
        everything(data)
    return caught.value.error_code


def everything(data: bytes) -> dict[str, bytes]:
    source = FileSource(io.BytesIO(data))
    return {member.name: read_member(source, member, LIMIT) for member in directory(data)}


def archive(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as opened:
        for name, data in entries:
            opened.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), data, method)
        opened.comment = comment
    return out.getvalue()


PLAIN = archive(("a.txt", b"alpha" * 100), ("b/c.txt", b""), ("d.txt", b"delta"))


def at(data: bytes, signature: bytes, offset: int, value: bytes, *, last: bool = False) -> bytes:
    """Return the data with bytes replaced at an offset from the first (or last) place of a signature."""
    place = (data.rindex(signature) if last else data.index(signature)) + offset
    return data[:place] + value + data[place + len(value) :]
