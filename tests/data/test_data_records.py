"""Files are taken apart by their first bytes, within bounds, and never in part."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import replace

import pytest
from data.osv_records import gzipped, lines, record, zipped

from gate.bounds import DataBounds
from gate.data.records import document, records
from gate.errors import BoundError, InputError

BOUNDS = DataBounds()
TWO = (record("PYSEC-2026-1"), record("PYSEC-2026-2"))


def a_zip(**entries: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("packed", [lines, gzipped, zipped])
def test_every_form_gives_every_record(packed: type) -> None:
    assert len(list(records(packed(*TWO), BOUNDS))) == 2


def test_places_are_named() -> None:
    assert [where for where, _ in records(b"\n{}\n\n{}", BOUNDS)] == ["line 2", "line 4"]
    assert [where for where, _ in records(zipped(*TWO), BOUNDS)] == ["`PYSEC-2026-1.json`", "`PYSEC-2026-2.json`"]


def test_two_gzip_members_are_both_read() -> None:
    assert len(list(records(gzipped(TWO[0]) + gzipped(TWO[1]), BOUNDS))) == 2


@pytest.mark.parametrize("cut", [1, 8, 20, 60])
def test_a_gzip_file_cut_short_is_an_error_and_not_fewer_records(cut: int) -> None:
    with pytest.raises(InputError, match="damaged or cut short"):
        list(records(gzipped(*TWO)[:-cut], BOUNDS))


def test_a_gzip_file_with_an_altered_byte_is_an_error() -> None:
    data = bytearray(gzipped(*TWO))
    data[-6] ^= 0xFF
    with pytest.raises(InputError, match="damaged"):
        list(records(bytes(data), BOUNDS))


def test_garbage_after_a_gzip_member_is_an_error() -> None:
    with pytest.raises(InputError, match="damaged"):
        list(records(gzipped(*TWO) + b"more", BOUNDS))


@pytest.mark.parametrize("cut", [1, 30, 100])
def test_a_zip_cut_short_is_an_error(cut: int) -> None:
    with pytest.raises(InputError, match="damaged"):
        list(records(zipped(*TWO)[:-cut], BOUNDS))


def test_a_zip_entry_with_altered_content_is_an_error() -> None:
    data = bytearray(a_zip(**{"a.json": b"{}" * 1000}))
    data[45] ^= 0xFF
    with pytest.raises(InputError, match="damaged"):
        list(records(bytes(data), BOUNDS))


def test_a_zip_entry_of_an_unknown_compression_is_an_error() -> None:
    data = a_zip(**{"a.json": b"{}"})
    odd = data.replace(b"\x08\x00", b"\x63\x00")
    with pytest.raises(InputError, match="damaged"):
        list(records(odd, BOUNDS))


def test_a_zip_entry_that_is_no_json_document_is_not_passed_over() -> None:
    with pytest.raises(InputError, match=r"README\.txt"):
        list(records(a_zip(**{"a.json": b"{}", "README.txt": b"hello"}), BOUNDS))


def test_an_encrypted_zip_entry_is_not_passed_over() -> None:
    data = bytearray(a_zip(**{"a.json": b"{}"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match=r"a\.json"):
        list(records(bytes(data), BOUNDS))


def test_folders_in_a_zip_are_no_records() -> None:
    assert [where for where, _ in records(a_zip(**{"all/": b"", "all/a.json": b"{}"}), BOUNDS)] == ["`all/a.json`"]


@pytest.mark.parametrize("packed", [lines, gzipped, zipped])
@pytest.mark.parametrize(("bound", "limit"), [("records", 1), ("record_bytes", 40), ("unpacked_bytes", 300)])
def test_every_bound_holds_in_every_form(packed: type, bound: str, limit: int) -> None:
    with pytest.raises(BoundError) as caught:
        list(records(packed(*TWO), replace(BOUNDS, **{bound: limit})))
    assert caught.value.facts["bound"] == bound


def test_a_bomb_is_stopped_at_its_first_record() -> None:
    bomb = gzip.compress(b"a" * 50_000_000)
    with pytest.raises(BoundError):
        next(records(bomb, replace(BOUNDS, record_bytes=1000)))


def test_a_document_is_read_plain_and_gzipped() -> None:
    assert document(b"{}", BOUNDS) == document(gzip.compress(b"{}"), BOUNDS) == b"{}"


def test_a_document_is_bounded_and_whole() -> None:
    with pytest.raises(BoundError):
        document(gzip.compress(b"a" * 1001), replace(BOUNDS, unpacked_bytes=1000))
    with pytest.raises(InputError, match="damaged"):
        document(gzip.compress(b"{}")[:-3], BOUNDS)
