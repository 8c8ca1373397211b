"""What the first bytes of a file tell that its name does not: byte code's own header, programs, and those of Go.

Sources: PEP 3147 and PEP 552 (byte code caches), the ELF specification (program headers, notes), Go's linker
(`.note.go.buildid`: a note of the owner `Go`).
"""

from __future__ import annotations

import struct
from typing import Literal

HEAD_BYTES = 4096
"""How much of a file is looked at; Go's linker puts its note into the first page."""

GO = b"go"
"""What is kept of a program written in Go."""

NATIVE = b"elf"
"""What is kept of any other program in machine code."""

_ELF_MAGIC = b"\x7fELF"
_PYC_BYTES = 16
_PYC = struct.Struct("<4sLLL")
_UNCHECKED, _HASHED = 0b01, 0b11
_ELF = struct.Struct("<16sHHLQQQLHHHHHH")
_PROGRAM = struct.Struct("<LLQQQQQQ")
_NOTE, _LITTLE_64 = 4, b"\x7fELF\x02\x01"
_MOST_PROGRAMS = 64

Oddity = Literal["", "unchecked", "stale"]


def wants_head(name: str, size: int) -> bool:
    """Say whether the first bytes of a file matter: byte code, and what may be a program."""
    return name.endswith(".pyc") or (size >= len(_ELF_MAGIC) and "." not in name)


def told_by(name: str, head: bytes) -> bytes:
    """Return what is kept of a file's first bytes: nothing, byte code's header, `GO` or `NATIVE`."""
    if name.endswith(".pyc"):
        return head[:_PYC_BYTES]
    if not head.startswith(_ELF_MAGIC):
        return b""
    return GO if _is_go(head) else NATIVE


def oddity_of(head: bytes, source_size: int) -> Oddity:
    """Say what is odd in a byte code cache beside its source, by the cache's header.

    `unchecked` (PEP 552) is run without a look at the source. `stale` says that it was made of a source of another
    size. The time in the header is not asked: builders that set all times to one make every cache of an image differ
    from its source, and a cache with another time, or without a whole header, is never run.
    """
    if len(head) < _PYC_BYTES:
        return ""
    _, flags, _, size = _PYC.unpack_from(head)
    if flags & _HASHED:
        return "unchecked" if flags & _HASHED == _UNCHECKED else ""
    return "" if size == source_size & 0xFFFFFFFF else "stale"


def _is_go(head: bytes) -> bool:
    if not head.startswith(_LITTLE_64) or len(head) < _ELF.size:
        return False
    fields = _ELF.unpack_from(head)
    start, size, count = fields[5], fields[9], fields[10]
    if size != _PROGRAM.size or count > _MOST_PROGRAMS:
        return False
    for number in range(count):
        at = start + number * size
        if at + size > len(head):
            return False
        kind, _, offset, _, _, length, _, _ = _PROGRAM.unpack_from(head, at)
        if kind == _NOTE and _has_go_note(head[offset : offset + min(length, HEAD_BYTES)]):
            return True
    return False


def _has_go_note(notes: bytes) -> bool:
    at = 0
    while at + 12 <= len(notes):
        name, description, _ = struct.unpack_from("<LLL", notes, at)
        if notes[at + 12 : at + 12 + name] == b"Go\0\0":
            return True
        at += 12 + (name + 3 & ~3) + (description + 3 & ~3)
    return False
