"""Tar headers written by hand, right in all that is not asked to be wrong."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from gate.bounds import ImageBounds
from gate.errors import InputError
from gate.image.tar import Entry, TarReader

if TYPE_CHECKING:
    from collections.abc import Iterator


BOUNDS = ImageBounds()


END = bytes(1024)


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def reader(data: bytes, *, piece: int = 1 << 20, bounds: ImageBounds = BOUNDS) -> TarReader:
    return TarReader(pieces_of(data, piece), index=3, bounds=bounds)


def entries(data: bytes, *, piece: int = 1 << 20) -> list[Entry]:
    return list(reader(data, piece=piece))


def header(
    name: bytes = b"a",
    *,
    size: bytes = b"00000000000",
    kind: bytes = b"0",
    magic: bytes = b"ustar\x0000",
    link: bytes = b"",
    prefix: bytes = b"",
    checksum: int | None = None,
    device: bytes = b"0000000",
) -> bytes:
    """Write a header by hand, right in all that is not asked to be wrong."""
    block = struct.pack(
        "100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12x",
        *(name, b"0000644", b"0000000", b"0000000", size, b"00000000000", b" " * 8, kind, link, magic),
        *(b"", b"", device, device, prefix),
    )
    total = sum(block) if checksum is None else checksum
    return block[:148] + b"%06o\0 " % total + block[156:]


def padded(body: bytes) -> bytes:
    return body + bytes(-len(body) % 512)


def pax(*records: tuple[str, str], kind: bytes = b"x") -> bytes:
    body = b""
    for key, value in records:
        line = f" {key}={value}\n".encode("utf-8", "surrogateescape")
        length = len(line) + 1
        while len(str(length)) + len(line) != length:
            length += 1
        body += str(length).encode() + line
    return header(b"pax", kind=kind, size=b"%011o" % len(body)) + padded(body)


def refused(data: bytes, code: str) -> InputError:
    for piece in (1 << 20, 100):
        with pytest.raises(InputError) as caught:
            entries(data, piece=piece)
        assert caught.value.error_code == code
        assert caught.value.facts["layer"] == "3"
    return caught.value
