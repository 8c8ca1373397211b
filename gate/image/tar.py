"""The headers of a tar stream, read as the container engines read them (Go's `archive/tar`), but stricter.

Formats: V7, USTAR, PAX (POSIX.1-2001), GNU long names. What engines disagree on, or no layer needs (sparse files,
negative sizes, unknown types), is refused, because a file that only some readers see is how a layer hides one.
Nothing here touches a disk.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from gate.bounds import MIB
from gate.errors import BoundError, InputError
from gate.image.cursor import BLOCK, Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.bounds import ImageBounds

EXTENSION_BYTES = MIB
"""Largest extended header, as in Go (`maxSpecialFileSize`)."""

FILE, HARD_LINK, SYMLINK, FOLDER, DEVICE, OTHER = "file", "hard_link", "symlink", "folder", "device", "other"
_KINDS = {
    b"0": FILE,
    b"\0": FILE,
    b"1": HARD_LINK,
    b"2": SYMLINK,
    b"3": DEVICE,
    b"4": OTHER,
    b"5": FOLDER,
    b"6": OTHER,
}
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_ZERO = bytes(BLOCK)
_PAX_LENGTH = re.compile(rb"([1-9][0-9]{0,6}) ")
_OVERLAY = ("SCHILY.xattr.trusted.overlay.", "SCHILY.xattr.user.overlay.")


class Entry(NamedTuple):
    """One entry. `size` is that of the body that follows; `overlay` says that it speaks to the overlay driver."""

    name: str
    kind: str
    size: int
    link: str
    overlay: bool


class TarReader:
    """Iterates over the entries of one layer. A body that nobody asked for is passed over."""

    def __init__(self, pieces: Iterator[bytes], *, index: int, bounds: ImageBounds, seen: int = 0) -> None:
        """Read nothing yet. `seen` counts the entries of earlier layers, for the bound over all of them."""
        self._cursor = Cursor(pieces, index=index)
        self._bounds = bounds
        self._index = index
        self._body = 0
        self._padding = 0
        self.seen = seen
        self.clean_end = True
        """After the last entry: nothing but zeros followed."""

    def __iter__(self) -> Iterator[Entry]:
        """Yield every entry and then run to the end of the stream, so that every digest gets looked at.

        Raises:
            InputError: `tar_…` for what can't be trusted, `layer_truncated`.
            BoundError: more entries or a longer name than `bounds` grants.
        """
        pax: dict[str, str] = {}
        long_name = long_link = ""
        extended = False
        while (block := self._header()) is not None:
            fields = _HEADER.unpack(block)
            kind = fields[7]
            if kind in b"xgLK":
                extended = extended or kind != b"g"
                body = self._extension(fields)
                if kind == b"x":
                    pax = self._pax(body)
                elif kind == b"g":
                    self._refuse_global(self._pax(body))
                elif kind == b"L":
                    long_name = _text(body)
                else:
                    long_link = _text(body)
                continue
            yield self._entry(fields, pax, long_name, long_link)
            if extended:
                pax, long_name, long_link, extended = {}, "", "", False
        if extended:
            self._refuse("ends after an extended header that describes nothing", "layer_truncated")
        self.clean_end = self._cursor.drain()

    def digest(self) -> bytes:
        """Return the raw sha256 of the current entry's body."""
        size, self._body = self._body, 0
        return self._cursor.digest(size)

    def headed(self, most: int) -> tuple[bytes, bytes]:
        """Return the first bytes of the current entry's body, at most so many, and its raw sha256."""
        size, self._body = self._body, 0
        return self._cursor.headed(size, most)

    def whole(self) -> bytes:
        """Return the current entry's body, joined; its size was looked at by the caller."""
        size, self._body = self._body, 0
        return self._cursor.take(size)

    def count(self) -> None:
        """Count an entry of the image.

        Raises:
            BoundError: there are more than the bound `files`.
        """
        self.seen += 1
        if self.seen > self._bounds.files:
            message = f"layer {self._index} brings the image to more than {self._bounds.files} entries"
            raise BoundError(message, bound="files", layer=self._index)

    def _header(self) -> bytes | None:
        """Return the next header block, its checksum right; nothing at the end of the archive."""
        if self._body or self._padding:
            self._cursor.skip(self._body + self._padding)
            self._body = self._padding = 0
        block = self._cursor.block()
        if not block:
            return None
        if block == _ZERO:
            second = self._cursor.block()
            if second and second != _ZERO:
                self._refuse("has a header after a block of zeros", "tar_header")
            return None
        self.count()
        field = block[148:156]
        total = (zlib.adler32(block[:256]) & 0xFFFF) + (zlib.adler32(block[256:]) & 0xFFFF) - 2
        if self._number(field) != total - sum(field) + 256:
            self._refuse("has a header whose checksum is wrong", "tar_header")
        return block

    def _extension(self, fields: tuple[bytes, ...]) -> bytes:
        size = self._number(fields[4])
        if size > EXTENSION_BYTES:
            message = f"layer {self._index} has an extended header of {size} bytes"
            raise BoundError(message, bound="extension_bytes", layer=self._index)
        body = self._cursor.take(size)
        self._cursor.skip(-size % BLOCK)
        return body

    def _entry(self, fields: tuple[bytes, ...], pax: dict[str, str], long_name: str, long_link: str) -> Entry:
        name = _text(fields[0])
        magic = fields[9]
        if magic == b"ustar\x0000" or magic[:6] == b"ustar\0":
            if prefix := _text(fields[14]):
                name = f"{prefix}/{name}"
        elif magic == b"ustar  \0" and not _are_gnu_times(fields[14][:24]):
            self._refuse("has a GNU header whose times are no numbers", "tar_header")
        name = long_name or pax.get("path") or name
        link = long_link or pax.get("linkpath") or _text(fields[8])
        kind = _KINDS.get(fields[7])
        if kind is None:
            what = "is sparse" if fields[7] == b"S" else f"has the type {fields[7]!r}"
            self._refuse(f"has an entry that {what}: `{_shown(name)}`", "tar_type")
        if len(name) > self._bounds.name_bytes or len(link) > self._bounds.name_bytes:
            message = f"layer {self._index} has a name longer than {self._bounds.name_bytes} bytes"
            raise BoundError(message, bound="name_bytes", layer=self._index)
        size = self._size(pax["size"], name) if "size" in pax else self._number(fields[4])
        if kind == FILE and name.endswith("/"):
            if size or fields[7] != b"\0":
                self._refuse(f"has a file that is named like a folder: `{_shown(name)}`", "tar_header")
            kind = FOLDER
        if kind != FILE:
            size = 0
        self._body, self._padding = size, -size % BLOCK
        overlay = bool(pax) and any(key.startswith(_OVERLAY) for key in pax)
        if kind == DEVICE:
            overlay = overlay or not (self._number(fields[12]) or self._number(fields[13]))
        return Entry(name, kind, size, link, overlay)

    def _number(self, field: bytes) -> int:
        """Read an octal or base-256 number; engines take no negative one for a size either."""
        digits = field.strip(b" \0")
        if digits.isdigit() or not digits:
            try:
                return int(digits or b"0", 8)
            except ValueError:
                self._refuse_number()
        if field[0] & 0x80:
            value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
            if field[0] & 0x40 or value >= 1 << 63:
                self._refuse("has a header with a negative or absurd number", "tar_header")
            return value
        digits, _, rest = digits.partition(b"\0")
        return self._number(digits) if rest else self._refuse_number()

    def _refuse_number(self) -> NoReturn:
        self._refuse("has a header with a number that is none", "tar_header")

    def _size(self, text: str, name: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20):  # noqa: PLR2004 - the digits of 2**63
            self._refuse(f"gives `{_shown(name)}` a size that is none", "tar_header")
        return int(text)

    def _pax(self, body: bytes) -> dict[str, str]:
        r"""Read PAX records: `LENGTH KEY=VALUE\n`, the length counting all of it."""
        records: dict[str, str] = {}
        at = 0
        while at < len(body):
            length = _PAX_LENGTH.match(body, at)
            end = at + int(length[1]) if length else 0
            record = body[length.end() : end] if length else b""
            key, equals, value = record[:-1].partition(b"=")
            if not record.endswith(b"\n") or end > len(body) or not equals or not key or b"\0" in key:
                self._refuse("has a PAX header that can't be read", "tar_header")
            text = value.decode("utf-8", "surrogateescape")
            name = key.decode("utf-8", "surrogateescape")
            if name.startswith("GNU.sparse."):
                self._refuse("has a sparse file", "tar_type")
            if "\0" in text and name in {"path", "linkpath"}:
                self._refuse("has a name with a NUL in it", "tar_header")
            records[name] = text
            at = end
        return records

    def _refuse_global(self, records: dict[str, str]) -> None:
        """A global header may comment; engines don't apply it, other readers do, so it must not matter."""
        if not records.keys().isdisjoint({"path", "linkpath", "size"}) or any(k.startswith(_OVERLAY) for k in records):
            self._refuse("has a global PAX header that names files", "tar_header")

    def _refuse(self, what: str, code: str) -> NoReturn:
        message = f"layer {self._index} {what}"
        hint = "Build the image again with a current tool; this layer can be read in more than one way."
        raise InputError(message, code=code, hint=hint, layer=self._index)


def _text(field: bytes) -> str:
    end = field.find(b"\0")
    if end:
        field = field[:end] if end > 0 else field
        return field.decode("utf-8", "surrogateescape")
    return ""


def _shown(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")[:200]


def _are_gnu_times(field: bytes) -> bool:
    """Say whether the access and change times of an old GNU header are numbers; Go takes other bytes for a name."""
    if field.count(0) == len(field):
        return True
    times = (field[:12], field[12:])
    return all(time[0] & 0x80 or not time.strip(b"01234567 \0") for time in times)
