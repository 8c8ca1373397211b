"""One header of rpm's database: an index of tags over a store of bytes, everything big-endian, everything bounded.

Sources: rpm's `lib/header.c`, `rpmtag.h`, `rpmfiles.h`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_NAME, _VERSION, _RELEASE, _EPOCH, _VENDOR, _ARCH, _SOURCE = 1000, 1001, 1002, 1003, 1011, 1022, 1044
_FLAGS, _DIRINDEXES, _BASENAMES, _DIRNAMES, _OLD_NAMES = 1037, 1116, 1117, 1118, 1027
_WANTED = frozenset(
    {
        *(_NAME, _VERSION, _RELEASE, _EPOCH, _VENDOR, _ARCH, _SOURCE),
        *(_FLAGS, _DIRINDEXES, _BASENAMES, _DIRNAMES, _OLD_NAMES),
    }
)
_INT32, _STRING, _ARRAY, _I18N = 4, 6, 8, 9
_CONFIG, _GHOST = 1 << 0, 1 << 6
_ENTRY = struct.Struct(">lLlL")
_INTRO = struct.Struct(">LL")
_MOST_ENTRIES = 0xFFFF
_MOST_FILES = 1_000_000
_TEXT = 500


class HeaderError(ValueError):
    """A header that can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header says of its package; paths have no leading slash.

    `config` are files that are meant to be edited. Files that the package only claims (ghosts) are left out.
    """

    name: str
    version: str
    release: str
    epoch: int
    architecture: str
    source: str
    vendor: str
    files: tuple[str, ...]
    config: frozenset[str]


def parse_header(blob: bytes) -> Header:
    """Parse a header.

    Raises:
        HeaderError: it is cut, or says what can't be.
    """
    if len(blob) < _INTRO.size:
        message = "it is too short"
        raise HeaderError(message)
    entries, size = _INTRO.unpack_from(blob)
    start = _INTRO.size + entries * _ENTRY.size
    if entries > _MOST_ENTRIES or start + size > len(blob):
        message = "its index and store are larger than it is"
        raise HeaderError(message)
    store = blob[start : start + size]
    tags: dict[int, tuple[int, int, int]] = {}
    for number in range(entries):
        tag, kind, offset, count = _ENTRY.unpack_from(blob, _INTRO.size + number * _ENTRY.size)
        if tag in _WANTED:
            if not 0 <= offset <= size or tag in tags:
                message = f"its tag {tag} lies outside, or stands twice"
                raise HeaderError(message)
            tags[tag] = (kind, offset, count)
    return _header(_Tags(store, tags))


class _Tags:
    """The values of a header, read when they are asked for."""

    def __init__(self, store: bytes, tags: dict[int, tuple[int, int, int]]) -> None:
        self._store = store
        self._tags = tags

    def text(self, tag: int) -> str:
        kind, offset, count = self._tags.get(tag, (_STRING, 0, 0))
        if kind not in {_STRING, _I18N}:
            message = f"its tag {tag} is no text"
            raise HeaderError(message)
        return self._texts(offset, 1)[0][:_TEXT] if count else ""

    def texts(self, tag: int) -> list[str]:
        kind, offset, count = self._tags.get(tag, (_ARRAY, 0, 0))
        if kind not in {_ARRAY, _STRING} or count > _MOST_FILES:
            message = f"its tag {tag} is no list of texts"
            raise HeaderError(message)
        return self._texts(offset, count)

    def numbers(self, tag: int) -> tuple[int, ...]:
        kind, offset, count = self._tags.get(tag, (_INT32, 0, 0))
        if kind != _INT32 or count > _MOST_FILES or offset + 4 * count > len(self._store):
            message = f"its tag {tag} is no list of numbers"
            raise HeaderError(message)
        return struct.unpack_from(f">{count}L", self._store, offset)

    def _texts(self, offset: int, count: int) -> list[str]:
        found = []
        for _ in range(count):
            end = self._store.find(b"\0", offset)
            if end < 0:
                message = "a text in it does not end"
                raise HeaderError(message)
            found.append(self._store[offset:end].decode("utf-8", "surrogateescape"))
            offset = end + 1
        return found


def _header(tags: _Tags) -> Header:
    epoch = tags.numbers(_EPOCH)
    flags = tags.numbers(_FLAGS)
    paths = _paths(tags)
    known = [(path, flags[number] if number < len(flags) else 0) for number, path in enumerate(paths)]
    return Header(
        name=tags.text(_NAME),
        version=tags.text(_VERSION),
        release=tags.text(_RELEASE),
        epoch=epoch[0] if epoch else 0,
        architecture=tags.text(_ARCH),
        source=tags.text(_SOURCE),
        vendor=tags.text(_VENDOR),
        files=tuple(path for path, flag in known if not flag & _GHOST),
        config=frozenset(path for path, flag in known if flag & _CONFIG),
    )


def _paths(tags: _Tags) -> list[str]:
    names, folders, places = tags.texts(_BASENAMES), tags.texts(_DIRNAMES), tags.numbers(_DIRINDEXES)
    if not names:
        return [path.lstrip("/") for path in tags.texts(_OLD_NAMES)]
    if len(places) != len(names) or any(place >= len(folders) for place in places):
        message = "its files have no folders"
        raise HeaderError(message)
    return [f"{folders[place]}{name}".lstrip("/") for name, place in zip(names, places, strict=True)]
