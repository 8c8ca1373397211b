"""Headers of tar streams: read as engines read them, or refused."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image.image_world import tar

from gate.bounds import ImageBounds
from gate.errors import BoundError, InputError
from gate.image.tar import DEVICE, FILE, FOLDER, HARD_LINK, OTHER, SYMLINK, Entry, TarReader

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


def test_the_prefix_of_a_ustar_header_counts() -> None:
    assert entries(header(prefix=b"deep/er"))[0].name == "deep/er/a"


def test_a_gnu_header_has_times_where_others_have_a_prefix() -> None:
    times = b"00000000001\0" + b"00000000002\0"
    assert entries(header(magic=b"ustar  \0", prefix=times))[0].name == "a"
    refused(header(magic=b"ustar  \0", prefix=b"evil/prefix"), "tar_header")


def test_base_256_numbers_are_read() -> None:
    assert entries(header(size=b"\x80" + bytes(10) + b"\x05") + padded(b"12345"))[0].size == 5


@pytest.mark.parametrize(
    "size",
    [
        b"\xff" * 12,
        b"\x80\xff" + bytes(10),
        b"-0000000001",
        b"+0000000001",
        b"00000000_01",
        b"0000000009x",
        b"99999999999",
    ],
)
def test_sizes_that_are_none_are_refused(size: bytes) -> None:
    refused(header(size=size), "tar_header")


@pytest.mark.parametrize("size", ["-1", "+1", "1_0", "0x10", "", "9" * 20, "٣"])
def test_pax_sizes_that_are_none_are_refused(size: str) -> None:
    refused(pax(("size", size)) + header(), "tar_header")


def test_a_pax_size_wins_over_the_headers() -> None:
    data = pax(("size", "5")) + header(size=b"00000000000") + padded(b"12345") + END
    assert [(one.name, one.size) for one in entries(data)] == [("a", 5)]


def test_a_size_past_the_end_is_truncated_and_not_waited_for() -> None:
    refused(header(size=b"77777777777"), "layer_truncated")
    source = reader(header(size=b"77777777777"))
    next(iter(source))
    with pytest.raises(InputError):
        source.whole()


@pytest.mark.parametrize("kind", [b"S", b"7", b"M", b"D", b"V", b"N", b"?", b"\xff"])
def test_types_that_no_layer_needs_are_refused(kind: bytes) -> None:
    refused(header(kind=kind), "tar_type")


@pytest.mark.parametrize("key", ["GNU.sparse.major", "GNU.sparse.name", "GNU.sparse.realsize"])
def test_sparse_files_are_refused_in_every_spelling(key: str) -> None:
    refused(pax((key, "1")) + header(), "tar_type")


def test_a_header_with_a_wrong_checksum_is_refused() -> None:
    refused(header(checksum=0), "tar_header")
    refused(b"garbage " * 64, "tar_header")


def test_a_checksum_beyond_16_bits_is_right() -> None:
    name = b"\xff" * 100
    found = entries(header(name, link=b"\xff" * 100, prefix=b"\xff" * 155))
    assert len(found) == 1


def test_a_header_after_a_block_of_zeros_is_refused() -> None:
    refused(bytes(512) + header(), "tar_header")


def test_what_follows_the_end_is_not_read_but_told() -> None:
    source = reader(header() + END + header(b"hidden"), piece=700)
    assert [one.name for one in source] == ["a"]
    assert not source.clean_end
    padded_end = reader(header() + END + bytes(9000))
    assert len(list(padded_end)) == 1
    assert padded_end.clean_end


@pytest.mark.parametrize("cut", [1, 511, 513, 700])
def test_a_stream_that_ends_in_the_middle_is_refused(cut: int) -> None:
    refused((header(size=b"00000001000") + padded(b"x" * 512))[:-cut], "layer_truncated")


def test_an_extended_header_that_describes_nothing_is_refused() -> None:
    refused(pax(("path", "b")), "layer_truncated")
    refused(pax(("path", "b")) + END, "layer_truncated")


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


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"5 a=b\n",
        b"99 a=b\n",
        b"6 a=b",
        b"0 a=b\n",
        b"-6 a=b\n",
        b"6 ab=\n\n",
        b"5 ab\n",
        b"6 =bc\n",
        b"8 a\0b=c\n",
        b"7  a=b\n",
    ],
)
def test_pax_records_that_are_none_are_refused(body: bytes) -> None:
    if body == b"7  a=b\n":  # a key may begin with a space
        body = b"7 a=b"
    refused(header(kind=b"x", size=b"%011o" % len(body)) + padded(body) + header(), "tar_header")


@pytest.mark.parametrize("key", ["path", "linkpath"])
def test_a_pax_name_with_a_nul_is_refused(key: str) -> None:
    refused(pax((key, "a\0b")) + header(), "tar_header")


@pytest.mark.parametrize("key", ["path", "linkpath", "size", "SCHILY.xattr.trusted.overlay.opaque"])
def test_a_global_header_that_names_files_is_refused(key: str) -> None:
    refused(pax((key, "1"), kind=b"g") + header(), "tar_header")


def test_a_global_header_that_comments_is_passed_over() -> None:
    assert [one.name for one in entries(pax(("comment", "git"), kind=b"g") + header())] == ["a"]
    assert entries(header() + pax(("comment", "git"), kind=b"g"))[0].name == "a"


def test_a_file_that_is_named_like_a_folder_is_refused() -> None:
    refused(header(b"a/", kind=b"0"), "tar_header")
    refused(header(b"a/", kind=b"\0", size=b"00000000001") + padded(b"x"), "tar_header")


def test_a_folder_with_a_size_has_no_body_as_in_go() -> None:
    assert [one.name for one in entries(header(kind=b"5", size=b"00000001000") + header(b"b"))] == ["a", "b"]


@pytest.mark.parametrize("mark", ["SCHILY.xattr.trusted.overlay.opaque", "SCHILY.xattr.user.overlay.redirect"])
def test_marks_of_the_overlay_driver_are_told(mark: str) -> None:
    assert entries(pax((mark, "y")) + header(kind=b"5"))[0].overlay


def test_a_device_zero_is_a_whiteout_of_the_overlay_driver_and_told() -> None:
    assert entries(header(kind=b"3", device=b"0000000"))[0] == Entry("a", DEVICE, 0, "", overlay=True)
    assert not entries(header(kind=b"3", device=b"0000001"))[0].overlay
    assert entries(header(kind=b"4"))[0].kind == OTHER
    assert entries(header(kind=b"6"))[0].kind == OTHER


def test_bounds_on_entries_names_and_extensions_are_held() -> None:
    cases = [
        (header() * 3, replace(BOUNDS, files=2), "files"),
        (pax(("comment", "loop")) * 3, replace(BOUNDS, files=2), "files"),
        (header(b"a" * 50), replace(BOUNDS, name_bytes=49), "name_bytes"),
        (header(kind=b"2", link=b"a" * 50), replace(BOUNDS, name_bytes=49), "name_bytes"),
        (header(kind=b"x", size=b"00004000001"), BOUNDS, "extension_bytes"),
        (header(kind=b"L", size=b"77777777777"), BOUNDS, "extension_bytes"),
    ]
    for data, bounds, bound in cases:
        with pytest.raises(BoundError) as caught:
            list(reader(data, bounds=bounds))
        assert caught.value.facts["bound"] == bound


def test_entries_of_earlier_layers_count() -> None:
    source = TarReader(iter([header() * 2]), index=0, bounds=replace(BOUNDS, files=3), seen=2)
    with pytest.raises(BoundError):
        list(source)


@given(st.binary(max_size=4096))
def test_garbage_is_refused_and_never_crashes(data: bytes) -> None:
    try:
        found = entries(data, piece=777)
    except InputError:
        return
    assert found == [] or data[:512] != bytes(512)


@given(st.integers(0, 511), st.binary(min_size=1, max_size=20))
def test_a_damaged_header_is_refused_or_means_the_same_names(at: int, noise: bytes) -> None:
    block = header(b"name", link=b"link", prefix=b"prefix")
    damaged = (block[:at] + noise + block[at + len(noise) :])[:512]
    if damaged[:148] + damaged[156:] == block[:148] + block[156:] or damaged == bytes(512):
        return
    try:
        found = entries(damaged)
    except (InputError, BoundError):
        return
    assert sum(damaged[:148] + b" " * 8 + damaged[156:]) == int(damaged[148:156].strip(b" \0"), 8)
    assert len(found) == 1
