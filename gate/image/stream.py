"""A layer's bytes, unpacked as they stream, counted and held against the diff id to the very last one.

The stream that comes in checks the compressed digest itself (`ImageReader.blob`); here the bytes that come out are
hashed. Bounds are looked at before the next piece is unpacked, so that a bomb costs one piece.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

import zstandard
from isal import igzip_lib

from gate.bounds import MIB
from gate.errors import BoundError, InputError, IntegrityError
from gate.image.manifest import compression_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gate.bounds import ImageBounds
    from gate.model.image import LayerFact

READ_BYTES = 256 * 1024
PIECE_BYTES = 512 * 1024
FIRST_STEP = 4 * 1024
FREE_BYTES = 10 * MIB
"""Below this many unpacked bytes no ratio is looked at: a small file of zeros is no attack."""
ZSTD_WINDOW = 128 * MIB
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = b"\x2a\x4d\x18"


class Readable(Protocol):
    """What a layer is read from: gives bytes, fewer than asked for if it likes, and none only at the end."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        ...


@dataclass(slots=True, kw_only=True)
class _Meter:
    """Counts what goes in and what comes out of one layer."""

    index: int
    layer: LayerFact
    bounds: ImageBounds
    read: Callable[[int], None]
    compressed: int = 0
    unpacked: int = 0

    def came(self, data: bytes) -> bytes:
        self.compressed += len(data)
        if self.compressed > self.layer.size:
            message = (
                f"layer {self.index} ({self.layer.digest}) goes on past the {self.layer.size} bytes it should have"
            )
            raise IntegrityError(message, code="layer_size", layer=self.layer.digest)
        self.read(len(data))
        return data

    def went(self, data: bytes) -> bytes:
        self.unpacked += len(data)
        if self.unpacked > self.bounds.layer_bytes:
            self.over("layer_bytes", f"unpacks to more than {self.bounds.layer_bytes} bytes")
        if self.unpacked > FREE_BYTES and self.unpacked > self.compressed * self.bounds.ratio:
            self.over("ratio", f"unpacks to more than {self.bounds.ratio} times its size")
        return data

    def over(self, bound: str, what: str) -> NoReturn:
        message = f"layer {self.index} ({self.layer.digest}) {what}"
        hint = f"Raise the bound `{bound}` of reading images if the layer is what it should be."
        raise BoundError(message, hint=hint, bound=bound, layer=self.layer.digest)


@dataclass(slots=True, kw_only=True)
class _Source:
    """The compressed stream as the unpackers see it: metered, and able to take back what it gave last."""

    stream: Readable
    meter: _Meter
    window: bytes = b""
    at: int = 0

    def peek(self, size: int) -> bytes:
        """Look at the next bytes; fewer than `size` only at the end."""
        while len(self.window) - self.at < size and (data := self.meter.came(self.stream.read(READ_BYTES))):
            self.window, self.at = self.window[self.at :] + data, 0
        return self.window[self.at : self.at + size]

    def read(self, size: int = READ_BYTES) -> bytes:
        """Take at most `size` bytes; none only at the end."""
        if self.at == len(self.window):
            self.window, self.at = self.meter.came(self.stream.read(READ_BYTES)), 0
        data = self.window[self.at : self.at + size]
        self.at += len(data)
        return data

    def give_back(self, size: int) -> None:
        """Put the last `size` bytes of what `read` just gave back: no copy, so that a million members cost little."""
        self.at -= size


def chunks_of(stream: Readable) -> Iterator[bytes]:
    """Yield a stream in the chunks in which `unpacked` takes it; its own checks are made as it is read."""
    while data := stream.read(READ_BYTES):
        yield data


class Chunks:
    """Chunks that somebody else reads, as a stream for `unpacked`."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        """Take nothing yet."""
        self._chunks = chunks

    def read(self, size: int, /) -> bytes:  # noqa: ARG002 - a chunk is what `chunks_of` made it
        """Return the next chunk; nothing at the end."""
        return next(self._chunks, b"")


def unpacked(
    stream: Readable, *, index: int, layer: LayerFact, bounds: ImageBounds, read: Callable[[int], None]
) -> Iterator[bytes]:
    """Yield the tar stream of a layer in pieces of at most `PIECE_BYTES`, reading `stream` to its end.

    Raises:
        InputError: not packed as its media type says, truncated, or followed by something else.
        IntegrityError: longer than declared, or the blob's own digest is wrong.
        BoundError: `layer_bytes` or `ratio` hit; the layer is named.
    """
    meter = _Meter(index=index, layer=layer, bounds=bounds, read=read)
    source = _Source(stream=stream, meter=meter)
    match compression_of(layer):
        case "gzip":
            pieces = _gunzip(source)
        case "zstd":
            pieces = _unzstd(source)
        case "none":
            pieces = _plain(source)
    for piece in pieces:
        yield meter.went(piece)


def hashed(pieces: Iterator[bytes], *, index: int, layer: LayerFact) -> Iterator[bytes]:
    """Hand on the pieces; after the last one, hold what they were against the diff id.

    Raises:
        IntegrityError: `diff_id_mismatch`: the layer's content is not what the config binds.
    """
    total = hashlib.sha256()
    for piece in pieces:
        total.update(piece)
        yield piece
    found = f"sha256:{total.hexdigest()}"
    if found != layer.diff_id:
        message = f"layer {index} ({layer.digest}) unpacks to {found}, the config says {layer.diff_id}"
        raise IntegrityError(message, code="diff_id_mismatch", layer=layer.digest)


def _plain(source: _Source) -> Iterator[bytes]:
    while data := source.read(PIECE_BYTES):
        yield data


def _gunzip(source: _Source) -> Iterator[bytes]:
    """Unpack every member of a gzip file (RFC 1952); engines take members one after the other, and nothing else."""
    meter = source.meter
    if source.peek(2) != GZIP_MAGIC:
        raise _broken(meter.index, "is no gzip", "layer_not_gzip")
    members = 0
    while head := source.peek(2):
        if head != GZIP_MAGIC:
            raise _broken(meter.index, "goes on after its gzip members", "layer_trailing_data")
        members += 1
        if members > meter.bounds.files:
            meter.over("files", f"has more than {meter.bounds.files} gzip members")
        yield from _member(source)


def _member(source: _Source) -> Iterator[bytes]:
    """Unpack one member, in steps that begin small: what a step leaves over is copied."""
    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    index, step = source.meter.index, FIRST_STEP
    while not member.eof:
        data = source.read(step) if member.needs_input else b""
        if member.needs_input and not data:
            raise _broken(index, "ends in the middle of its gzip", "layer_truncated")
        step = min(2 * step, READ_BYTES)
        try:
            piece = member.decompress(data, PIECE_BYTES)
        except igzip_lib.error as error:  # type: ignore[misc] # the stub takes the class for an instance of it
            raise _broken(index, f"is broken gzip: {error}", "layer_broken") from error
        if piece:
            yield piece
    source.give_back(len(member.unused_data))


def _unzstd(source: _Source) -> Iterator[bytes]:
    """Unpack every frame (RFC 8878). A frame cut short yields less, which the diff id tells."""
    index, magic = source.meter.index, source.peek(4)
    if magic != ZSTD_MAGIC and magic[1:] != ZSTD_SKIPPABLE:
        raise _broken(index, "is no zstd", "layer_not_zstd")
    reader = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).stream_reader(
        source,  # type: ignore[arg-type] # it calls `read(size)` alone
        read_size=READ_BYTES,
        read_across_frames=True,
        closefd=False,
    )
    try:
        while piece := reader.read(PIECE_BYTES):
            yield piece
    except zstandard.ZstdError as error:
        raise _broken(index, f"is broken zstd: {str(error)[:100]}", "layer_broken") from error


def _broken(index: int, what: str, code: str) -> InputError:
    hint = "Push the image again; if it stays so, build it again."
    return InputError(f"layer {index} {what}", code=code, hint=hint, layer=index)
