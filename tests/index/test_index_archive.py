"""A zip archive has one reading or it is refused: each attack here is read by some installer in its own way."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from index.wheel_maker import WheelRecipe

from gate.bounds import WheelBounds
from gate.errors import BoundError, GateError, InputError
from gate.index.archive import FileSource, Member, read_directory
from gate.index.content import member_chunks, read_member

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


def test_reads_what_zipfile_reads() -> None:
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as opened:
        for info in opened.infolist():
            assert content(PLAIN, info.filename) == opened.read(info)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_reads_content_of_exactly_and_around_one_piece(method: int) -> None:
    for size in (0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20):
        data = archive(("big", b"\0" * size), method=method)
        assert content(data, "big", 4 << 20) == b"\0" * size


def test_reads_data_descriptors_of_streamed_archives() -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise io.UnsupportedOperation

    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("streamed.txt", b"streamed" * 50)
    assert content(out.getvalue(), "streamed.txt") == b"streamed" * 50


def test_a_descriptor_that_says_other_sizes_is_refused() -> None:
    data = bytearray(archive(("a", b"x"), method=zipfile.ZIP_STORED))
    body = struct.pack("<4s3L", b"PK\7\x08", zlib.crc32(b"y"), 1, 1)
    flagged = at(at(bytes(data), b"PK\3\4", 6, b"\x08\0"), b"PK\1\2", 8, b"\x08\0")
    start = flagged.index(b"PK\1\2")
    moved = flagged[:start] + body + flagged[start:]
    moved = at(moved, b"PK\5\6", 16, struct.pack("<L", start + len(body)))
    assert refusal(moved) == "zip_gap"


def test_reads_zip64_end_records() -> None:
    count = 70_000
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as opened:
        for number in range(count):
            opened.writestr(zipfile.ZipInfo(f"{number}"), b"")
    assert len(directory(out.getvalue())) == count


def test_reads_zip64_sizes_of_entries() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened, opened.open("a", "w", force_zip64=True) as member:
        member.write(b"long" * 10)
    assert content(out.getvalue(), "a") == b"long" * 10


def zip64(data: bytes, **changes: int) -> bytes:
    """Return the archive with 64-bit end records put before its end, and some of their fields changed."""
    place = data.rindex(b"PK\5\6")
    _, _, _, here, count, size, offset, _ = struct.unpack("<4s4H2LH", data[place:])
    fields = {"body": 44, "disk": 0, "start": 0, "here": here, "count": count, "size": size, "offset": offset}
    locator = {"locator_disk": 0, "stop": place, "disks": 1}
    fields |= {key: value for key, value in changes.items() if key in fields}
    locator |= {key: value for key, value in changes.items() if key in locator}
    body, *rest = fields.values()
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", body, 45, 45, *rest)
    return data[:place] + record + struct.pack("<4sLQL", b"PK\6\7", *locator.values()) + data[place:]


def test_a_64_bit_end_that_agrees_is_read() -> None:
    assert directory(zip64(PLAIN)) == directory(PLAIN)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"count": 2, "here": 2}, "zip_end64"),
        ({"body": 45}, "zip_end64"),
        ({"stop": 0}, "zip_end64"),
        ({"disks": 2}, "zip_disks"),
        ({"locator_disk": 1}, "zip_disks"),
        ({"disk": 1}, "zip_end64"),
    ],
)
def test_a_64_bit_end_that_says_something_else_is_refused(changes: dict[str, int], code: str) -> None:
    assert refusal(zip64(PLAIN, **changes)) == code


def test_a_second_directory_behind_a_64_bit_locator_is_refused() -> None:
    """`zipfile` would follow the locator, a reader of the plain end record would not."""
    other = archive(("evil.py", b"evil"))
    start = other.index(b"PK\1\2")
    hidden = other[start : other.rindex(b"PK\5\6")]
    place = PLAIN.rindex(b"PK\5\6")
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(hidden), place)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place + len(hidden), 1)
    assert refusal(PLAIN[:place] + hidden + record + locator + PLAIN[place:]) == "zip_end64"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "zip_end", id="empty"),
        pytest.param(b"no zip at all, but long enough to hold the record at its end", "zip_end", id="no-zip"),
        pytest.param(PLAIN + b"\0", "zip_end", id="bytes-after"),
        pytest.param(archive(("a", b"1"), comment=b"hello"), "zip_end", id="comment"),
        pytest.param(b"#!/bin/sh\n" + PLAIN, "zip_gap", id="bytes-before"),
        pytest.param(archive(), "zip_count", id="no-entry"),
        pytest.param(at(PLAIN, b"PK\5\6", 10, b"\2\0"), "zip_disks", id="count-here-differs"),
        pytest.param(at(PLAIN, b"PK\5\6", 8, b"\2\0\2\0"), "zip_count", id="count-too-small"),
        pytest.param(at(PLAIN, b"PK\5\6", 8, b"\4\0\4\0"), "zip_count", id="count-too-large"),
        pytest.param(at(PLAIN, b"PK\5\6", 4, b"\1\0"), "zip_disks", id="many-disks"),
        pytest.param(at(PLAIN, b"PK\1\2", 34, b"\1\0"), "zip_disks", id="entry-on-another-disk"),
        pytest.param(at(PLAIN, b"PK\1\2", 0, b"PK\1\3"), "zip_directory", id="entry-signature"),
        pytest.param(at(PLAIN, b"PK\1\2", 28, b"\xff\xff"), "zip_directory", id="name-beyond-directory"),
        pytest.param(at(PLAIN, b"PK\1\2", 8, b"\1\0"), "zip_encrypted", id="encrypted"),
        pytest.param(at(PLAIN, b"PK\1\2", 10, b"\x0c\0"), "zip_method", id="bzip2"),
        pytest.param(at(PLAIN, b"PK\3\4", 0, b"PK\3\5"), "zip_header", id="local-signature"),
        pytest.param(at(PLAIN, b"PK\3\4", 8, b"\0\0"), "zip_header", id="local-method"),
        pytest.param(at(PLAIN, b"PK\3\4", 30, b"z"), "zip_header", id="local-name"),
        pytest.param(at(PLAIN, b"PK\3\4", 22, b"\1\0\0\0"), "zip_header", id="local-size"),
        pytest.param(at(PLAIN, b"PK\3\4", 28, b"\1\0"), "zip_gap", id="local-extra"),
        pytest.param(at(PLAIN, b"PK\1\2", 42, b"\1\0\0\0"), "zip_prefix", id="first-entry-later"),
    ],
)
def test_odd_archives_are_refused(data: bytes, code: str) -> None:
    assert refusal(data) == code


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/etc/passwd", "a//b", "./a", "a/.", "C:evil", "a\\b", "a\nb", "a\x7f", ".."],
)
def test_names_that_leave_the_folder_are_refused(name: str) -> None:
    placeholder = "x" * len(name)
    data = archive((placeholder, b"1")).replace(placeholder.encode(), name.encode())
    assert refusal(data) == "zip_name"


def test_a_name_in_an_unmarked_encoding_is_refused() -> None:
    assert refusal(archive(("xx", b"1")).replace(b"xx", b"\xc3\xa9")) == "zip_name"


def test_a_name_marked_utf8_is_read() -> None:
    assert content(archive(("é.py", b"1")), "é.py") == b"1"


def test_two_entries_of_one_name_are_refused() -> None:
    data = archive(("a.py", b"good"), ("b.py", b"evil")).replace(b"b.py", b"a.py")
    assert refusal(data) == "zip_duplicate"


def test_a_file_and_a_folder_of_one_name_are_refused() -> None:
    assert refusal(archive(("a", b"1"), ("a/", b""))) == "zip_duplicate"


def test_a_folder_with_bytes_is_refused() -> None:
    assert refusal(archive(("a/", b"hidden"))) == "zip_folder"


def test_overlapping_entries_are_refused() -> None:
    """Two entries of the directory that share one content: the root of the best-known bombs."""
    data = archive(("a", b"0123456789"), ("b", b"0123456789"), method=zipfile.ZIP_STORED)
    assert refusal(at(data, b"PK\1\2", 42, b"\0\0\0\0", last=True)) == "zip_overlap"


def test_bytes_between_entries_are_refused() -> None:
    first = archive(("a", b"1"), method=zipfile.ZIP_STORED)
    start = first.index(b"PK\1\2")
    far = first[:start] + b"?" * 200_000 + first[start:]
    assert refusal(at(far, b"PK\5\6", 16, struct.pack("<L", start + 200_000))) == "zip_gap"
    near = first[:start] + b"?" + first[start:]
    assert refusal(at(near, b"PK\5\6", 16, struct.pack("<L", start + 1))) == "zip_gap"


def with_extra(extra: bytes, *, size: bytes = b"") -> bytes:
    """Return an archive whose only entry has an extra field in its directory entry."""
    data = archive(("a", b"1"), method=zipfile.ZIP_STORED)
    start = data.index(b"PK\1\2")
    stop = data.rindex(b"PK\5\6")
    entry = at(data[start:stop], b"PK\1\2", 30, struct.pack("<H", len(extra)))
    entry = at(entry, b"PK\1\2", 24, size) if size else entry
    longer = data[:start] + entry + extra + data[stop:]
    return at(longer, b"PK\5\6", 12, struct.pack("<L", len(entry) + len(extra)))


def test_a_second_name_in_an_extra_field_is_refused() -> None:
    assert refusal(with_extra(struct.pack("<2H", 0x7075, 6) + b"\1" + b"\0" * 4 + b"b")) == "zip_name"


def test_missing_and_cut_64_bit_sizes_are_refused() -> None:
    assert refusal(with_extra(b"", size=b"\xff" * 4)) == "zip_extra"
    assert refusal(with_extra(struct.pack("<2HL", 1, 4, 1), size=b"\xff" * 4)) == "zip_extra"
    assert refusal(with_extra(struct.pack("<2H", 1, 8), size=b"\xff" * 4)) == "zip_extra"
    assert content(with_extra(struct.pack("<2HQ", 1, 8, 1), size=b"\xff" * 4), "a") == b"1"


def test_an_unknown_extra_field_is_read_over() -> None:
    assert content(with_extra(struct.pack("<2H", 0x5455, 1) + b"\0"), "a") == b"1"


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
