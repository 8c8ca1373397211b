"""What a layer says survives being written down, and nothing else reads as one."""

from __future__ import annotations

import struct
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image.image_layers import content
from image.image_tars import END, header

from gate.image.codec import CodecError, decode, encode
from gate.image.tree import Folder, OtherEntry, PendingEntry

LIMIT = 1 << 20
ODD = {
    "a/x": b"1",
    "a/METADATA": b"Name: a\n",
    "b": "-> a/x",
    "c": "= a/x",
    "d": "= lower/file",
    "e": None,
    "\udcff\ud83d\ude00"[:1]: b"2",
    ".wh.gone": b"",
    "e/.wh..wh..opq": b"",
    "../climbs": b"",
}


def parts_of(data: bytes) -> list[bytes]:
    lengths = struct.unpack_from("<8Q", data)
    at, parts = 64, []
    for length in lengths:
        parts.append(data[at : at + length])
        at += length
    return parts


def joined(parts: list[bytes]) -> bytes:
    return struct.pack("<8Q", *map(len, parts)) + b"".join(parts)


def written() -> bytes:
    data = encode(content(ODD, 3), index=3, limit=LIMIT)
    assert data is not None
    return data


def test_everything_comes_back_at_any_index() -> None:
    there = content(ODD, 5)
    back = decode(written(), index=5)
    assert (back.hidden, back.emptied, back.links) == (there.hidden, there.emptied, there.links)
    assert (back.kept, back.entries, back.problems) == (there.kept, there.entries, there.problems)
    assert list(back.root.entries) == list(there.root.entries)
    assert isinstance(back.root.entries["d"], PendingEntry)
    folder, same = back.root.entries["a"], there.root.entries["a"]
    assert isinstance(folder, Folder)
    assert isinstance(same, Folder)
    assert folder.entries == same.entries
    assert (folder.layer, folder.explicit) == (5, same.explicit)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300))
def test_noise_is_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode(data, index=0)


@settings(max_examples=300, deadline=None)
@given(part=st.integers(0, 7), at=st.integers(0, 400), new=st.binary(max_size=12))
def test_a_change_to_any_column_is_refused_or_read_whole(part: int, at: int, new: bytes) -> None:
    parts = parts_of(written())
    parts[part] = parts[part][:at] + new + parts[part][at + len(new) :]
    try:
        back = decode(joined(parts), index=0)
    except CodecError:
        return
    assert back.root.layer == 0


NUMBERS = {1: array("Q", [1, 0]).tobytes(), 4: array("Q", [1]).tobytes()}


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (0, lambda one: one[:-1]),
        (0, lambda one: one[:0] + b"[" * 100_000),
        (0, lambda one: one.replace(b'"kept": [8]', b'"kept": [-8, 16]')),
        (0, lambda one: one.replace(b'"kept": [8]', b'"kept": [9]')),
        (0, lambda one: one.replace(b'"error"', b'"fatal"')),
        (1, lambda one: one + NUMBERS[1]),
        (1, lambda one: one[:-8]),
        (1, lambda one: one[:-1]),
        (1, lambda one: b"\xff" * len(one)),
        (2, lambda one: one.replace(b"f", b"z")),
        (2, lambda one: one.replace(b"l", b"f")),
        (2, lambda one: one.replace(b"o", b"l").replace(b"p", b"l")),
        (2, lambda one: one + b"f"),
        (3, lambda one: one + b"more\0"),
        (3, lambda one: one[:-1]),
        (4, lambda one: one + NUMBERS[4]),
        (5, lambda one: one[:-1]),
        (5, lambda one: one[:-32]),
        (6, lambda one: one + b"left over\0"),
        (7, lambda one: one + b"x"),
    ],
)
def test_columns_that_do_not_fit_each_other_are_refused(part: int, change: object) -> None:
    assert callable(change)
    parts = parts_of(written())
    parts[part] = change(parts[part])
    with pytest.raises(CodecError):
        decode(joined(parts), index=0)


def test_kept_bytes_are_found_under_their_own_digest_and_no_other() -> None:
    parts = parts_of(written())
    parts[7] = b"Evil: a\n"
    assert set(decode(joined(parts), index=0).kept.values()) == {b"Evil: a\n"}
    assert not decode(joined(parts), index=0).kept.keys() & decode(written(), index=0).kept.keys()


def test_more_than_the_limit_is_not_written() -> None:
    for limit in (0, 100, len(written()) - 1):
        assert encode(content(ODD), index=0, limit=limit) is None


def test_a_pipe_comes_back_as_what_it_is() -> None:
    data = encode(content(header(b"pipe", kind=b"6") + END), index=0, limit=LIMIT)
    assert data is not None
    assert decode(data, index=1).root.entries == {"pipe": OtherEntry(1)}


def test_parts_that_do_not_add_up_are_refused() -> None:
    for data in (written() + b"x", written()[:-1]):
        with pytest.raises(CodecError):
            decode(data, index=0)
