"""Content that is not what its headers say is refused, in bounded memory."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from index.wheel_maker import WheelRecipe
from index.zip_maker import PLAIN, archive, at, content, directory, everything, refusal

from gate.bounds import WheelBounds
from gate.errors import BoundError, GateError, InputError
from gate.index.archive import FileSource
from gate.index.content import member_chunks


def test_content_that_inflates_to_more_than_it_says_is_refused() -> None:
    data = archive(("a", b"\0" * 1000))
    small = struct.pack("<L", 10)
    assert refusal(at(at(data, b"PK\1\2", 24, small), b"PK\3\4", 22, small)) == "zip_size"


def test_content_that_inflates_to_less_than_it_says_is_refused() -> None:
    data = archive(("a", b"\0" * 1000))
    large = struct.pack("<L", 2000)
    assert refusal(at(at(data, b"PK\1\2", 24, large), b"PK\3\4", 22, large)) == "zip_size"


def test_a_bomb_stops_at_what_it_says_and_not_at_what_it_is() -> None:
    data = archive(("bomb", b"\0" * (8 << 20)))
    small = struct.pack("<L", 10)
    lying = at(at(data, b"PK\1\2", 24, small), b"PK\3\4", 22, small)
    member = directory(lying)[0]
    chunks = member_chunks(FileSource(io.BytesIO(lying)), member)
    with pytest.raises(InputError, match="inflates to more"):
        next(chunks)


def test_a_member_larger_than_the_limit_is_not_read() -> None:
    with pytest.raises(BoundError) as caught:
        content(PLAIN, "a.txt", 499)
    assert caught.value.error_code == "zip_member_too_large"


def test_a_directory_larger_than_the_bounds_is_not_read() -> None:
    for bounds in (WheelBounds(members=2), WheelBounds(directory_bytes=10)):
        with pytest.raises(BoundError) as caught:
            directory(PLAIN, bounds)
        assert caught.value.error_code == "zip_directory_too_large"


def test_changed_content_does_not_have_its_crc() -> None:
    data = archive(("a", b"abcdef"), method=zipfile.ZIP_STORED)
    assert refusal(data.replace(b"abcdef", b"abcdeg")) == "zip_crc"


def test_content_that_is_no_deflate_stream_is_refused() -> None:
    data = at(at(archive(("a", b"abcdef"), method=zipfile.ZIP_STORED), b"PK\1\2", 10, b"\x08"), b"PK\3\4", 8, b"\x08")
    assert refusal(data.replace(b"abcdef", b"\xff" * 6)) == "zip_deflate"


def test_a_deflate_stream_that_is_cut_or_goes_on_is_refused() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = packer.compress(b"abc" * 9) + packer.flush()
    for body in (stream[:-1], stream + b"\0"):
        data = archive(("a", body), method=zipfile.ZIP_STORED)
        for signature, method, crc, size in ((b"PK\1\2", 10, 16, 24), (b"PK\3\4", 8, 14, 22)):
            data = at(data, signature, method, b"\x08")
            data = at(data, signature, crc, struct.pack("<L", zlib.crc32(b"abc" * 9)))
            data = at(data, signature, size, struct.pack("<L", 27))
        assert refusal(data) == "zip_deflate"


def test_a_file_that_is_cut_while_it_is_read_is_refused() -> None:
    source = FileSource(io.BytesIO(PLAIN))
    with pytest.raises(InputError) as caught:
        source.read(len(PLAIN) - 1, 2)
    assert caught.value.error_code == "zip_truncated"


@given(data=st.binary(max_size=300))
def test_noise_is_refused_and_nothing_else_is_raised(data: bytes) -> None:
    with pytest.raises(GateError):
        directory(data)


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_changes_nothing_that_is_read(place: int, value: int) -> None:
    """Only dates, attributes and versions may differ; names and contents never do without a refusal."""
    data = bytearray(WheelRecipe().build_bytes())
    wanted = WheelRecipe().members()
    data[place % len(data)] = value
    try:
        found = everything(bytes(data))
    except GateError:
        return
    assert list(found.values()) == list(wanted.values())
    assert [name for name in found if name not in wanted] == []
