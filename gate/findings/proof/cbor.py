"""As much CBOR (RFC 8949) as a COSE signature is made of, read strictly: one value, one spelling.

Whole numbers, byte and text strings, arrays, maps, tags and null, all of definite length. Anything else is refused, as
are longer spellings of a number, keys that come twice and whatever follows the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

DEPTH = 8
_LENGTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_NULL = 0xF6


class CborError(ValueError):
    """The bytes are not CBOR of this kind; the text says why."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A value with its tag."""

    number: int
    value: object


def decode(data: bytes) -> object:
    """Return the one value that the bytes hold; CborError if they hold anything else."""
    value, end = _value(data, 0, DEPTH)
    if end != len(data):
        _refuse("bytes follow its value")
    return value


def byte_string(data: bytes) -> bytes:
    """Encode a byte string."""
    return _head(2, len(data)) + data


def text_string(text: str) -> bytes:
    """Encode a text string."""
    data = text.encode()
    return _head(3, len(data)) + data


def array(*encoded: bytes) -> bytes:
    """Encode an array of values that are encoded already."""
    return _head(4, len(encoded)) + b"".join(encoded)


def _head(major: int, number: int) -> bytes:
    if number < min(_LENGTHS):
        return bytes([major << 5 | number])
    info, size = next((info, size) for info, size in _LENGTHS.items() if number < 1 << (8 * size))
    return bytes([major << 5 | info]) + number.to_bytes(size)


def _value(data: bytes, at: int, depth: int) -> tuple[object, int]:
    if not depth:
        _refuse("it is nested too deep")
    if at < len(data) and data[at] == _NULL:
        return None, at + 1
    major, number, at = _read_head(data, at)
    if major in {2, 3}:
        return _string(data, at, number, text=major == 3)  # noqa: PLR2004 - the text strings
    if major in {4, 5}:
        return _array(data, at, number, depth) if major == 4 else _map(data, at, number, depth)  # noqa: PLR2004 - arrays
    if major == 6:  # noqa: PLR2004 - tags
        inner, at = _value(data, at, depth - 1)
        return Tag(number, inner), at
    if major not in {0, 1}:
        _refuse("it holds a kind of value that is not read here")
    return (-1 - number if major else number), at


def _string(data: bytes, at: int, length: int, *, text: bool) -> tuple[bytes | str, int]:
    end = at + length
    if end > len(data):
        _refuse("it ends too early")
    return (_text(data[at:end]) if text else data[at:end]), end


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[list[object], int]:
    items: list[object] = []
    for _ in range(_possible(data, at, count)):
        item, at = _value(data, at, depth - 1)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[int | str, object], int]:
    entries: dict[int | str, object] = {}
    for _ in range(_possible(data, at, 2 * count) // 2):
        key, at = _value(data, at, depth - 1)
        if not isinstance(key, int | str) or key in entries:
            _refuse("a map has a key twice, or one of another kind")
        entries[key], at = _value(data, at, depth - 1)
    return entries, at


def _possible(data: bytes, at: int, count: int) -> int:
    if count > len(data) - at:
        _refuse("it ends too early")
    return count


def _read_head(data: bytes, at: int) -> tuple[int, int, int]:
    if at >= len(data):
        _refuse("it ends too early")
    major, info = data[at] >> 5, data[at] & 0x1F
    at += 1
    if info < min(_LENGTHS):
        return major, info, at
    size = _LENGTHS.get(info, 0)
    if not size or at + size > len(data):
        _refuse("a length is missing or without end")
    number = int.from_bytes(data[at : at + size])
    if _head(major, number)[1:] != data[at : at + size]:
        _refuse("a number is spelled longer than it is")
    return major, number, at + size


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        _refuse("a text is not UTF-8")


def _refuse(why: str) -> NoReturn:
    raise CborError(why)
