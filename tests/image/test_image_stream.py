"""Packed layers: unpacked within bounds, and held against size, digest and diff id to the last byte."""

from __future__ import annotations

import gzip
import io
import threading
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import pytest
import zstandard
from image.image_world import LAYER, layer

from gate.bounds import ImageBounds
from gate.errors import BoundError, InputError, IntegrityError
from gate.image.pump import pumped
from gate.image.stream import PIECE_BYTES, READ_BYTES, hashed, unpacked
from gate.model.base import sha256_of
from gate.model.image import LayerFact

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDS = ImageBounds()
NOISE = b"".join(bytes([number % 251]) * (number % 7) for number in range(300_000))


def fact(packed: bytes, raw: bytes = b"", *, packing: str = "+gzip", size: int | None = None) -> LayerFact:
    return LayerFact(
        digest=sha256_of(packed),
        diff_id=sha256_of(raw),
        size=len(packed) if size is None else size,
        media_type=LAYER + packing,
    )


def unpack(packed: bytes, *, bounds: ImageBounds = BOUNDS, stream: BinaryIO | None = None, **facts: object) -> bytes:
    described = fact(packed, **facts)  # type: ignore[arg-type] # what a test gives is handed on
    source = stream or io.BytesIO(packed)
    return b"".join(unpacked(source, index=2, layer=described, bounds=bounds, read=lambda _: None))


@pytest.mark.parametrize("raw", [b"", b"x", NOISE])
@pytest.mark.parametrize("packing", ["gzip", "zstd", "none"])
def test_each_packing_comes_back(raw: bytes, packing: str) -> None:
    packed = layer(raw, packing=packing).packed
    assert unpack(packed, packing="" if packing == "none" else f"+{packing}") == raw


def test_several_gzip_members_are_one_layer() -> None:
    members = [gzip.compress(NOISE[at : at + 1000]) for at in range(0, 300_000, 1000)]
    assert unpack(b"".join(members)) == NOISE[:300_000]
    split = gzip.compress(b"a" * READ_BYTES, 0) + gzip.compress(b"b")
    assert unpack(split) == b"a" * READ_BYTES + b"b"


def test_gzip_with_a_name_an_extra_field_and_no_content_is_read() -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile("layer.tar", "wb", fileobj=buffer) as file:
        file.write(b"x")
    extra = b"\x1f\x8b\x08\x04" + bytes(6) + b"\x04\0abcd" + gzip.compress(b"")[10:]
    assert unpack(buffer.getvalue() + extra) == b"x"


def test_several_zstd_frames_and_skippable_ones_are_one_layer() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"toc"
    frames = zstandard.compress(NOISE) + zstandard.compress(b"end") + skippable
    assert unpack(frames, packing="+zstd") == NOISE + b"end"
    assert unpack(skippable + zstandard.compress(b"x"), packing="+zstd") == b"x"


@pytest.mark.parametrize("packed", [b"", b"\x1f", b"no gzip at all", zstandard.compress(b"x"), bytes(1024)])
def test_a_layer_that_is_no_gzip_is_refused(packed: bytes) -> None:
    with pytest.raises(InputError) as caught:
        unpack(packed)
    assert caught.value.error_code == "layer_not_gzip"


@pytest.mark.parametrize("packed", [b"", b"\x28\xb5", gzip.compress(b"x", mtime=0), bytes(1024)])
def test_a_layer_that_is_no_zstd_is_refused(packed: bytes) -> None:
    with pytest.raises(InputError) as caught:
        unpack(packed, packing="+zstd")
    assert caught.value.error_code == "layer_not_zstd"


@pytest.mark.parametrize("cut", [1, 4, 8, 100, 500])
def test_a_truncated_gzip_is_refused(cut: int) -> None:
    with pytest.raises(InputError) as caught:
        unpack(gzip.compress(NOISE)[:-cut])
    assert caught.value.error_code == "layer_truncated"


@pytest.mark.parametrize("tail", [b"\0", b"garbage", b"\x1f", b"\x1f\x8c", bytes(512)])
def test_bytes_after_the_last_member_are_refused(tail: bytes) -> None:
    with pytest.raises(InputError) as caught:
        unpack(gzip.compress(NOISE) + tail)
    assert caught.value.error_code == "layer_trailing_data"


def test_a_damaged_gzip_is_refused() -> None:
    packed = bytearray(gzip.compress(NOISE))
    for at in (len(packed) // 2, -6):
        damaged = bytearray(packed)
        damaged[at] ^= 0xFF
        with pytest.raises(InputError):
            unpack(bytes(damaged))


def test_a_damaged_zstd_is_refused() -> None:
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(NOISE))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(InputError) as caught:
        unpack(bytes(packed), packing="+zstd")
    assert caught.value.error_code == "layer_broken"


def test_a_truncated_zstd_fails_at_the_diff_id() -> None:
    packed = zstandard.compress(NOISE)[:-9]
    described = fact(packed, NOISE, packing="+zstd")
    pieces = unpacked(io.BytesIO(packed), index=0, layer=described, bounds=BOUNDS, read=lambda _: None)
    with pytest.raises(IntegrityError) as caught:
        list(hashed(pieces, index=0, layer=described))
    assert caught.value.error_code == "diff_id_mismatch"


def test_a_zstd_that_asks_for_a_huge_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, compression_level=1)
    packed = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = packed.compress(b"x" * 1000) + packed.flush()
    with pytest.raises(InputError) as caught:
        unpack(data, packing="+zstd")
    assert caught.value.error_code == "layer_broken"


class Endless(io.RawIOBase):
    """A layer that never ends; counts what was taken."""

    def __init__(self, head: bytes = b"") -> None:
        self.head = head
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        data, self.head = self.head[:size] or b"\0" * size, self.head[size:]
        self.given += len(data)
        return data


@pytest.mark.parametrize("packing", ["", "+gzip"])
def test_a_layer_that_never_ends_is_left_where_it_should_have_ended(packing: str) -> None:
    packed = gzip.compress(NOISE)
    endless = Endless(packed)
    with pytest.raises(IntegrityError) as caught:
        unpack(packed, packing=packing, stream=endless)  # type: ignore[arg-type] # it reads, and that is all
    assert caught.value.error_code == "layer_size"
    assert endless.given <= len(packed) + 2 * PIECE_BYTES


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_bomb_is_stopped_by_its_ratio_before_it_is_unpacked(packing: str) -> None:
    bomb = layer(bytes(300 << 20), packing=packing).packed
    bounds = replace(BOUNDS, ratio=100)
    described = fact(bomb, packing=f"+{packing}")
    pieces = unpacked(io.BytesIO(bomb), index=2, layer=described, bounds=bounds, read=lambda _: None)
    sizes: list[int] = []
    with pytest.raises(BoundError) as caught:
        sizes.extend(map(len, pieces))
    assert caught.value.facts["bound"] == "ratio"
    assert caught.value.facts["layer"] == described.digest
    assert max(sizes) <= PIECE_BYTES
    assert sum(sizes) <= max(10 << 20, 100 * READ_BYTES)


def test_a_layer_past_its_bytes_is_stopped() -> None:
    packed = gzip.compress(NOISE)
    with pytest.raises(BoundError) as caught:
        unpack(packed, bounds=replace(BOUNDS, layer_bytes=1000))
    assert caught.value.facts["bound"] == "layer_bytes"
    assert "layer_bytes" in caught.value.hint


def test_a_small_layer_of_zeros_is_no_bomb() -> None:
    assert len(unpack(gzip.compress(bytes(9 << 20)), bounds=replace(BOUNDS, ratio=2))) == 9 << 20


def test_a_million_empty_gzip_members_are_stopped() -> None:
    with pytest.raises(BoundError) as caught:
        unpack(gzip.compress(b"") * 1000, bounds=replace(BOUNDS, files=999))
    assert caught.value.facts["bound"] == "files"


def test_progress_counts_compressed_bytes_once() -> None:
    packed = gzip.compress(NOISE)
    steps: list[int] = []
    list(unpacked(io.BytesIO(packed), index=0, layer=fact(packed), bounds=BOUNDS, read=steps.append))
    assert sum(steps) == len(packed)


def test_a_wrong_diff_id_is_raised_after_the_last_piece() -> None:
    pieces = hashed(iter([b"other"]), index=1, layer=fact(b"", b"said"))
    assert next(pieces) == b"other"
    with pytest.raises(IntegrityError) as caught:
        next(pieces)
    assert caught.value.error_code == "diff_id_mismatch"


def test_a_pump_gives_every_piece_in_order() -> None:
    with pumped(bytes([number]) for number in range(200)) as ahead:
        assert b"".join(ahead) == bytes(range(200))


def test_an_error_of_the_other_thread_is_raised_here() -> None:
    def source() -> Iterator[bytes]:
        yield b"first"
        message = "broken"
        raise zlib.error(message)

    with pumped(source()) as ahead:
        assert next(ahead) == b"first"
        with pytest.raises(zlib.error):
            next(ahead)


def test_leaving_early_ends_the_other_thread() -> None:
    before = threading.active_count()
    given: list[int] = []

    def source() -> Iterator[bytes]:
        for number in range(10_000):
            given.append(number)
            yield b"x"

    with pumped(source()) as ahead:
        next(ahead)
    assert threading.active_count() <= before
    assert len(given) < 100
