"""Read one file's content out of a zip archive, held against its headers, its size and its CRC."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from gate.errors import BoundError
from gate.index.archive import DEFLATED, LOCAL_BYTES, LONG, demand, refused, wide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.index.archive import ByteSource, Member

_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIBED = 0x0008
_DESCRIPTOR_BYTES = 24
_CHUNK = 1 << 20


def read_member(source: ByteSource, member: Member, limit: int) -> bytes:
    """Return the content of one entry, checked against size and CRC.

    Raises:
        InputError: `zip_…`; the local header or the content is not what the directory says.
        BoundError: the entry says that it is larger than `limit` bytes.
    """
    if member.size > limit:
        message = f"`{member.name}` has {member.size} bytes"
        raise BoundError(message, code="zip_member_too_large", hint="raise the bounds for wheels if it is wanted")
    return b"".join(member_chunks(source, member))


def member_chunks(source: ByteSource, member: Member) -> Iterator[bytes]:
    """Yield the content in pieces of at most 1 MiB; the end is reached only if size and CRC are right.

    Raises:
        InputError: as `read_member`; what was yielded before must then not be used.
    """
    position = _content_offset(source, member)
    stop = position + member.packed
    inflate = zlib.decompressobj(-15) if member.method == DEFLATED else None
    crc = size = 0
    pending = b""
    while True:
        if not pending and position < stop:
            pending = source.read(position, min(_CHUNK, stop - position))
            position += len(pending)
        chunk, pending = _inflated(inflate, pending, member)
        crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        demand(size <= member.size, "zip_size", f"`{member.name}` inflates to more than it says")
        yield chunk
        if not pending and position >= stop and len(chunk) < _CHUNK:
            break
    demand(inflate is None or inflate.eof, "zip_deflate", f"`{member.name}` is cut")
    demand(size == member.size, "zip_size", f"`{member.name}` inflates to less than it says")
    demand(crc == member.crc, "zip_crc", f"`{member.name}` does not have its CRC")


def _inflated(inflate: zlib._Decompress | None, pending: bytes, member: Member) -> tuple[bytes, bytes]:
    if inflate is None:
        return pending, b""
    demand(not (inflate.eof and pending), "zip_deflate", f"`{member.name}` has bytes after its end")
    try:
        chunk = inflate.decompress(pending, _CHUNK)
    except zlib.error as error:
        raise refused(code="zip_deflate", message=f"`{member.name}` does not inflate") from error
    return chunk, inflate.unused_data or inflate.unconsumed_tail


def _content_offset(source: ByteSource, member: Member) -> int:
    """Return where the content begins, once the local header agrees with the directory in all that it says."""
    header = source.read(member.offset, LOCAL_BYTES)
    signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(header)
    rest = source.read(member.offset + LOCAL_BYTES, min(name_length + extra_length, member.end - member.offset))
    name, extra = rest[:name_length], rest[name_length : name_length + extra_length]
    start: int = member.offset + LOCAL_BYTES + name_length + extra_length
    left = member.end - start - member.packed
    described = bool(flags & _DESCRIBED)
    if {LONG} & {packed, size}:
        packed, size, _ = wide(extra, size=size, packed=packed, offset=0)
    agrees = signature == b"PK\3\4" and name == member.raw_name and (flags, method) == (member.flags, member.method)
    demand(agrees, "zip_header", f"`{member.name}` has another local header")
    same = (crc, packed, size) == (member.crc, member.packed, member.size)
    demand(same or (described and not any((crc, packed, size))), "zip_header", f"`{member.name}` has other sizes")
    after = source.read(start + member.packed, left) if 0 < left <= _DESCRIPTOR_BYTES else b""
    ends_well = after in _descriptors(member) if described else left == 0
    demand(ends_well, "zip_gap", f"bytes after `{member.name}` that are not its descriptor")
    return start


def _descriptors(member: Member) -> set[bytes]:
    """Return all spellings of what may follow the content (4.3.9): with and without signature, short and long."""
    bodies = [struct.pack("<L2Q", member.crc, member.packed, member.size)]
    if max(member.packed, member.size) <= LONG:
        bodies.append(struct.pack("<3L", member.crc, member.packed, member.size))
    return {mark + body for mark in (b"", b"PK\7\x08") for body in bodies}
