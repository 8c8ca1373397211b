"""Read a zip archive as data, strictly: one reading is possible or it is refused.

Installers read archives by the central directory (pip) or by the local headers (uv); an archive in which the two
differ can be one thing to a reviewer and another to an installer. So whatever leaves room for two readings is
refused: bytes before, between or after the entries, a comment, doubled or odd names, headers that disagree, sizes
that lie. Format: PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, Protocol

from gate.errors import BoundError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.bounds import WheelBounds

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")

LOCAL_BYTES = 30
_SHORT = 0xFFFF
LONG = 0xFFFFFFFF
_MOST = (_SHORT, _SHORT, _SHORT, _SHORT, LONG, LONG)
STORED, DEFLATED = 0, 8
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_UTF8 = 0x0800
_EXTRA_ZIP64, _EXTRA_UNICODE_PATH = 0x0001, 0x7075
_ODD = re.compile(r"[\x00-\x1f\x7f\\]|^/|(?:^|/)\.{1,2}(?:/|$)|//|^[A-Za-z]:")


class ByteSource(Protocol):
    """Bytes that can be read at any place: a file, or a remote file through ranges."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`; fewer is an error of the source's own kind."""
        ...

    def prefetch(self, spans: Sequence[tuple[int, int]]) -> None:
        """Learn what will be read (first byte, byte after the last), so that a remote source asks seldom."""
        ...


class FileSource:
    """A seekable binary file as a source."""

    def __init__(self, file: BinaryIO) -> None:
        """Measure the file by going to its end."""
        self._file = file
        self._size = file.seek(0, 2)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`.

        Raises:
            InputError: the file is shorter (`zip_truncated`).
        """
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) != length:
            raise refused(code="zip_truncated", message=f"{length} bytes at {offset} are not there")
        return data

    def prefetch(self, spans: Sequence[tuple[int, int]]) -> None:
        """Do nothing: a file is near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of the archive as the central directory has it; `end` is where the next entry begins."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    end: int = 0

    @property
    def is_folder(self) -> bool:
        """Say whether the entry only names a folder."""
        return self.name.endswith("/")


def refused(*, code: str, message: str, **facts: object) -> InputError:
    """Return the error for an archive that is not read; `code` says what is wrong with it."""
    return InputError(message, code=code, hint="do not install this file; ask its publisher for a clean one", **facts)


def demand(truth: bool, code: str, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Refuse the archive unless the statement holds."""
    if not truth:
        raise refused(code=code, message=message)


def read_directory(source: ByteSource, bounds: WheelBounds) -> tuple[Member, ...]:
    """Return all entries, in the order in which they lie in the file.

    Raises:
        InputError: `zip_…` says which demand the archive fails.
        BoundError: the directory is larger than the bounds allow.
    """
    count, size, offset = _end(source, bounds)
    if count > bounds.members or size > bounds.directory_bytes:
        message = f"the archive's directory has {count} entries in {size} bytes"
        raise BoundError(message, code="zip_directory_too_large", hint="raise the bounds for wheels if it is wanted")
    data = source.read(offset, size)
    members: list[Member] = []
    position = 0
    while position < len(data):
        member, position = _entry(data, position)
        members.append(member)
    demand(len(members) == count and count > 0, "zip_count", "the directory's count of entries is wrong")
    demand(len({member.name.rstrip("/") for member in members}) == count, "zip_duplicate", "two entries of one name")
    return _laid_out(members, offset)


def _end(source: ByteSource, bounds: WheelBounds) -> tuple[int, int, int]:
    """Return count, size and offset of the central directory, from the end record or its 64-bit form."""
    demand(source.size >= _END.size, "zip_end", "too short for a zip archive")
    length = min(source.size, max(bounds.tail_bytes, _END.size + _LOCATOR.size + _END64.size))
    tail = source.read(source.size - length, length)
    signature, disk, start, here, count, size, offset, comment = _END.unpack(tail[-_END.size :])
    demand(signature == b"PK\5\6" and comment == 0, "zip_end", "the file does not end as a plain zip archive does")
    stop = source.size - _END.size
    short = (disk, start, here, count, size, offset)
    # The 64-bit locator is looked for even if no field asks for it, because that is what readers do.
    locator = tail[-_END.size - _LOCATOR.size : -_END.size]
    if locator[:4] == b"PK\6\7":
        stop, long = _end64(source, locator)
        same = all(near in {far, most} for near, far, most in zip(short, long, _MOST, strict=True))
        demand(same, "zip_end64", "the two end records differ")
        disk, start, here, count, size, offset = long
    demand(disk == start == 0 and here == count, "zip_disks", "an archive of several parts")
    demand(offset + size == stop, "zip_gap", "bytes between the directory and the end record")
    return count, size, offset


def _end64(source: ByteSource, locator: bytes) -> tuple[int, tuple[int, ...]]:
    _, disk, stop, disks = _LOCATOR.unpack(locator)
    demand(disk == 0 and disks == 1, "zip_disks", "an archive of several parts")
    demand(stop == source.size - _END.size - _LOCATOR.size - _END64.size, "zip_end64", "bytes between end records")
    record = _END64.unpack(source.read(stop, _END64.size))
    demand(record[0] == b"PK\6\6" and record[1] == _END64.size - 12, "zip_end64", "the 64-bit end record is off")
    return stop, record[4:]


def _entry(data: bytes, position: int) -> tuple[Member, int]:
    demand(position + _CENTRAL.size <= len(data), "zip_directory", "the directory ends within an entry")
    fields = _CENTRAL.unpack_from(data, position)
    flags, method, crc, packed, size = fields[3], fields[4], fields[7], fields[8], fields[9]
    name_length, extra_length, comment_length, disk, offset = fields[10], fields[11], fields[12], fields[13], fields[16]
    name_at = position + _CENTRAL.size
    extra_at = name_at + name_length
    stop = extra_at + extra_length + comment_length
    demand(fields[0] == b"PK\1\2" and stop <= len(data), "zip_directory", "an entry of the directory is off")
    raw = data[name_at:extra_at]
    packed, size, offset = wide(data[extra_at : extra_at + extra_length], size=size, packed=packed, offset=offset)
    demand(disk == 0, "zip_disks", "an archive of several parts")
    demand(not flags & _ENCRYPTED, "zip_encrypted", "an entry is encrypted")
    demand(method in {STORED, DEFLATED}, "zip_method", f"compression method {method} is none of a wheel's")
    member = Member(
        name=_name(raw, flags),
        raw_name=raw,
        flags=flags,
        method=method,
        crc=crc,
        packed=packed,
        size=size,
        offset=offset,
    )
    demand(not (member.is_folder and size), "zip_folder", "a folder that has bytes")
    return member, stop


def wide(extra: bytes, *, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Return packed size, size and offset, taken from the zip64 field where the entry says so (4.5.3)."""
    values = {"size": size, "packed": packed, "offset": offset}
    wanted = [key for key in values if values[key] == LONG]
    for kind, body in _extras(extra):
        demand(kind != _EXTRA_UNICODE_PATH, "zip_name", "an entry has a second name")
        if kind == _EXTRA_ZIP64:
            demand(len(body) >= 8 * len(wanted), "zip_extra", "the 64-bit sizes of an entry are missing")
            for index, key in enumerate(wanted):
                values[key] = int.from_bytes(body[8 * index : 8 * index + 8], "little")
            wanted = []
    demand(not wanted, "zip_extra", "the 64-bit sizes of an entry are missing")
    return values["packed"], values["size"], values["offset"]


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        demand(position + 4 + length <= len(extra), "zip_extra", "an extra field is cut")
        yield kind, extra[position + 4 : position + 4 + length]
        position += 4 + length


def _name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError as error:
        raise refused(code="zip_name", message="a name that is neither ASCII nor marked UTF-8") from error
    demand(bool(name) and not _ODD.search(name), "zip_name", f"a name that leaves its folder or is odd: {name[:80]!r}")
    return name


def _laid_out(members: list[Member], directory: int) -> tuple[Member, ...]:
    """Demand that the entries follow one another without overlap from the first byte on; fill in `end`."""
    ordered = sorted(members, key=lambda member: member.offset)
    demand(ordered[0].offset == 0, "zip_prefix", "bytes before the first entry")
    ends = [later.offset for _, later in pairwise(ordered)] + [directory]
    laid = [replace(member, end=end) for member, end in zip(ordered, ends, strict=True)]
    for member in laid:
        least = member.offset + LOCAL_BYTES + len(member.raw_name) + member.packed
        demand(least <= member.end, "zip_overlap", "entries overlap")
        demand(member.end - least <= 2 * _SHORT, "zip_gap", "bytes between entries")
    return tuple(laid)
