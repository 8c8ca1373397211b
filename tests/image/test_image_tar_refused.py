"""Headers of tar streams that engines could read in two ways, or that no layer needs: refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image.image_tars import BOUNDS, END, entries, header, padded, pax, reader, refused

from gate.errors import BoundError, InputError
from gate.image.tar import DEVICE, OTHER, Entry, TarReader


def test_the_prefix_of_a_ustar_header_counts() -> None:
    assert entries(header(prefix=b"deep/er"))[0].name == "deep/er/a"


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


def test_a_header_after_a_block_of_zeros_is_refused() -> None:
    refused(bytes(512) + header(), "tar_header")


@pytest.mark.parametrize("cut", [1, 511, 513, 700])
def test_a_stream_that_ends_in_the_middle_is_refused(cut: int) -> None:
    refused((header(size=b"00000001000") + padded(b"x" * 512))[:-cut], "layer_truncated")


def test_an_extended_header_that_describes_nothing_is_refused() -> None:
    refused(pax(("path", "b")), "layer_truncated")
    refused(pax(("path", "b")) + END, "layer_truncated")


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


def test_a_file_that_is_named_like_a_folder_is_refused() -> None:
    refused(header(b"a/", kind=b"0"), "tar_header")
    refused(header(b"a/", kind=b"\0", size=b"00000000001") + padded(b"x"), "tar_header")


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
