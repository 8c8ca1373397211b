"""Open a conda package as data: the tar of its description or of its files, read from front to end, bounded.

Sources: conda's package formats (CEP 35: `.conda`, a zip of tars packed with zstd), and the older `.tar.bz2`.
"""

from __future__ import annotations

import io
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from gate.errors import BoundError, GateError
from gate.index.archive import demand, read_directory, refused
from gate.index.content import member_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

    from gate.bounds import CondaBounds, WheelBounds
    from gate.index.archive import ByteSource

OLD = ".tar.bz2"
NEW = ".conda"
_CHUNK = 1 << 20
_WINDOW = 1 << 27
"""Largest window of zstd that is granted, in bytes: what its levels up to 22 ask for."""


def stem_of(filename: str) -> str:
    """Return a file name without the ending of its format."""
    return filename.removesuffix(OLD).removesuffix(NEW)


@contextmanager
def open_part(
    source: ByteSource, filename: str, part: str, *, bounds: CondaBounds, zips: WheelBounds
) -> Iterator[tarfile.TarFile]:
    """Open a part of a package (`info` or `pkg`) as a tar; an old package is one tar of both.

    Raises:
        InputError: `conda_…` or `zip_…`, while it is read too.
        BoundError: it unpacks to more than the bounds allow.
        UpstreamError: as the source raises.
    """
    try:
        stream = _Bounded(_unpacked(source, filename, part, zips), bounds.unpacked_bytes)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_CHUNK) as archive:
            yield archive
    except GateError:
        raise
    except Exception as error:
        # zstd, bz2 and tar each have errors of their own, and tar lets others through for broken headers.
        message = f"`{filename}` can't be unpacked: {type(error).__name__} {str(error)[:200]}"
        raise refused(code="conda_unreadable", message=message) from error


def entries(archive: tarfile.TarFile, bounds: CondaBounds) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    """Yield path, size and a way to read each regular file; a body that is not read at once is passed over.

    Raises:
        BoundError: more entries than the bounds allow.
    """
    for seen, member in enumerate(archive):
        if seen >= bounds.paths:
            message = f"a package has more than {bounds.paths} entries"
            raise BoundError(message, code="conda_too_many_paths", hint="raise the bounds for conda packages")
        # What was read is not needed again, and the tar would keep all of it.
        archive.members = []  # type: ignore[attr-defined]  # as the documentation of `tarfile` has it
        if member.isreg():
            yield member.name.removeprefix("./"), member.size, _reader(archive, member)


def _reader(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        body = archive.extractfile(member)
        return body.read() if body is not None else b""

    return read


def _unpacked(source: ByteSource, filename: str, part: str, zips: WheelBounds) -> BinaryIO:
    if filename.endswith(OLD):
        import bz2  # noqa: PLC0415 - a format that few packages still have

        return bz2.BZ2File(io.BufferedReader(_Chunks(_pieces(source)), _CHUNK))  # type: ignore[return-value]  # a file that is read
    from zstandard import ZstdDecompressor  # noqa: PLC0415 - only what reads packages loads it

    members = {member.name: member for member in read_directory(source, zips)}
    name = f"{part}-{stem_of(filename)}.tar.zst"
    demand(name in members, "conda_no_part", f"`{filename}` has no `{name}`")
    member = members[name]
    if part == "info":
        source.prefetch([(member.offset, member.end)])
    packed = io.BufferedReader(_Chunks(member_chunks(source, member)), _CHUNK)
    return ZstdDecompressor(max_window_size=_WINDOW).stream_reader(packed, read_across_frames=True)


def _pieces(source: ByteSource) -> Iterator[bytes]:
    for offset in range(0, source.size, _CHUNK):
        yield source.read(offset, min(_CHUNK, source.size - offset))


class _Chunks(io.RawIOBase):
    """Pieces as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        data, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(data)] = data
        return len(data)


class _Bounded(io.RawIOBase):
    """A stream that ends with an error after so many bytes: a small package can unpack to anything."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        super().__init__()
        self._stream = stream
        self._room = limit

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._room -= len(data)
        if self._room < 0:
            message = "a conda package unpacks to more bytes than are granted"
            raise BoundError(message, code="conda_unpacked_too_large", hint="raise the bounds for conda packages")
        return data
