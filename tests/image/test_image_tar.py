"""Headers of tar streams: read as engines read them, or refused."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image.image_tars import END, entries, header, padded, pax, reader, refused
from image.image_world import tar

from gate.image.tar import FILE, FOLDER, HARD_LINK, SYMLINK, Entry


@pytest.mark.parametrize("style", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("piece", [1, 511, 512, 513, 1 << 20])
def test_all_formats_are_read_whatever_the_pieces(style: int, piece: int) -> None:
    long = "/".join(["folder"] * 30) + "/name" if style != tarfile.USTAR_FORMAT else "folder/" * 20 + "name"
    data = tar({"top/": None, "top/a": b"x" * 700, long: b"", "top/b": "-> a", "top/c": "= top/a"}, style=style)
    found = entries(data, piece=piece)
    assert [(one.name.rstrip("/"), one.kind, one.size, one.link) for one in found] == [
        ("top", FOLDER, 0, ""),
        ("top/a", FILE, 700, ""),
        (long, FILE, 0, ""),
        ("top/b", SYMLINK, 0, "a"),
        ("top/c", HARD_LINK, 0, "top/a"),
    ]
    assert not any(one.overlay for one in found)


@given(
    st.lists(
        st.tuples(
            st.text("abc/é😀\udc80", min_size=1, max_size=300).map(lambda s: "f" + s.strip("/")),
            st.binary(max_size=2000),
        ),
        max_size=8,
    ),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.integers(1, 2000),
)
def test_what_pythons_tarfile_writes_comes_back(files: list[tuple[str, bytes]], style: int, piece: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=style, errors="surrogateescape", encoding="utf-8") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    source = reader(buffer.getvalue(), piece=piece)
    assert [(one.name, source.whole()) for one in source] == files
    assert source.clean_end


def test_a_body_is_given_whole_or_in_pieces_or_passed_over() -> None:
    source = reader(tar({"a": b"x" * 1000, "b": b"y" * 1000, "c": b"z" * 1000}), piece=300)
    found = {}
    for entry in source:
        if entry.name == "a":
            found["a"] = source.whole()
        if entry.name == "c":
            found["c"] = source.digest()
    assert found == {"a": b"x" * 1000, "c": hashlib.sha256(b"z" * 1000).digest()}


def test_an_empty_stream_and_a_missing_end_are_read_as_engines_read_them() -> None:
    assert entries(b"") == []
    assert [one.name for one in entries(header())] == ["a"]
    assert [one.name for one in entries(header() + bytes(512))] == ["a"]


def test_old_headers_without_magic_and_with_a_zero_type_are_files() -> None:
    assert entries(header(magic=b"", kind=b"\0", prefix=b"not-a-prefix")) == [Entry("a", FILE, 0, "", overlay=False)]
    assert entries(header(b"a/", magic=b"", kind=b"\0"))[0].kind == FOLDER


def test_a_gnu_header_has_times_where_others_have_a_prefix() -> None:
    times = b"00000000001\0" + b"00000000002\0"
    assert entries(header(magic=b"ustar  \0", prefix=times))[0].name == "a"
    refused(header(magic=b"ustar  \0", prefix=b"evil/prefix"), "tar_header")


def test_base_256_numbers_are_read() -> None:
    assert entries(header(size=b"\x80" + bytes(10) + b"\x05") + padded(b"12345"))[0].size == 5


def test_a_pax_size_wins_over_the_headers() -> None:
    data = pax(("size", "5")) + header(size=b"00000000000") + padded(b"12345") + END
    assert [(one.name, one.size) for one in entries(data)] == [("a", 5)]


def test_a_checksum_beyond_16_bits_is_right() -> None:
    name = b"\xff" * 100
    found = entries(header(name, link=b"\xff" * 100, prefix=b"\xff" * 155))
    assert len(found) == 1


def test_what_follows_the_end_is_not_read_but_told() -> None:
    source = reader(header() + END + header(b"hidden"), piece=700)
    assert [one.name for one in source] == ["a"]
    assert not source.clean_end
    padded_end = reader(header() + END + bytes(9000))
    assert len(list(padded_end)) == 1
    assert padded_end.clean_end


def test_a_later_extended_header_replaces_an_earlier_one_as_in_go() -> None:
    data = pax(("path", "first")) + pax(("linkpath", "x")) + header() + header(b"next")
    assert [(one.name, one.link) for one in entries(data)] == [("a", "x"), ("next", "")]


def test_a_gnu_long_name_wins_over_pax_as_in_go() -> None:
    long = header(b"././@LongLink", kind=b"L", size=b"%011o" % 5) + padded(b"long\0")
    link = header(b"././@LongLink", kind=b"K", size=b"%011o" % 5) + padded(b"aim\0x")
    data = pax(("path", "pax"), ("linkpath", "pax")) + long + link + header(kind=b"2")
    assert [(one.name, one.link) for one in entries(data)] == [("long", "aim")]


def test_an_empty_pax_path_is_none_as_in_go() -> None:
    assert entries(pax(("path", "")) + header())[0].name == "a"


def test_a_global_header_that_comments_is_passed_over() -> None:
    assert [one.name for one in entries(pax(("comment", "git"), kind=b"g") + header())] == ["a"]
    assert entries(header() + pax(("comment", "git"), kind=b"g"))[0].name == "a"


def test_a_folder_with_a_size_has_no_body_as_in_go() -> None:
    assert [one.name for one in entries(header(kind=b"5", size=b"00000001000") + header(b"b"))] == ["a", "b"]
