"""A zip archive has one reading or it is refused: each attack here is read by some installer in its own way."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from index.zip_maker import PLAIN, archive, at, content, directory, refusal


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
