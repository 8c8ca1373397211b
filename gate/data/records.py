"""Take a file of records apart: JSON lines, plain or gzipped, or a zip with one JSON document a record.

The form is told by the first bytes and never by the name. Every count and size is bounded while reading.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from gate.bounds import DataBounds
from gate.errors import BoundError, InputError

_GZIP = b"\x1f\x8b"
_ZIP = b"PK"
_ENCRYPTED = 0x1


def records(data: bytes, bounds: DataBounds) -> Iterator[tuple[str, bytes]]:
    """Yield where each record stands and its bytes.

    Raises:
        InputError: not one of the forms, a damaged archive, or an entry that is no JSON document.
        BoundError: a bound was hit.
    """
    source = _zipped(data, bounds) if data.startswith(_ZIP) else _lines(data, bounds)
    total = 0
    for count, (where, record) in enumerate(source, start=1):
        total += len(record)
        _within("records", count, bounds.records)
        _within("unpacked_bytes", total, bounds.unpacked_bytes)
        yield where, record


def document(data: bytes, bounds: DataBounds) -> bytes:
    """Return the one document of a file, plain or gzipped; errors as `records`."""
    limit = min(bounds.unpacked_bytes, bounds.file_bytes)
    try:
        whole = _opened(data).read(limit + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise _damaged(form="gzip") from error
    _within("file_bytes", len(whole), limit)
    return whole


def _opened(data: bytes) -> BinaryIO:
    raw = io.BytesIO(data)
    return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if data.startswith(_GZIP) else raw


def _lines(data: bytes, bounds: DataBounds) -> Iterator[tuple[str, bytes]]:
    """Yield each line that is not blank; a truncated or damaged gzip file is an error, not fewer lines."""
    stream = _opened(data)
    number = 0
    while line := _line(stream, bounds.record_bytes):
        number += 1
        _within("record_bytes", len(line), bounds.record_bytes)
        if line.strip():
            yield f"line {number}", line


def _line(stream: BinaryIO, limit: int) -> bytes:
    try:
        return stream.readline(limit + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise _damaged(form="gzip") from error


def _zipped(data: bytes, bounds: DataBounds) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield f"`{info.filename[:100]}`", _entry(archive, info, bounds)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _damaged(form="zip") from error


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, bounds: DataBounds) -> bytes:
    if not info.filename.endswith(".json") or info.flag_bits & _ENCRYPTED:
        message = f"`{info.filename[:100]}` in the archive is not a plain JSON document"
        raise InputError(message, hint="take the ecosystem's own dump", code="data_invalid")
    with archive.open(info) as entry:
        record = entry.read(bounds.record_bytes + 1)
    _within("record_bytes", len(record), bounds.record_bytes)
    return record


def _within(bound: str, value: int, limit: int) -> None:
    if value > limit:
        message = f"the file goes beyond the bound `{bound}` of {limit}"
        hint = "raise the bound in configuration if the file is sound"
        raise BoundError(message, hint=hint, bound=bound, limit=limit)


def _damaged(*, form: str) -> InputError:
    message = f"the {form} file is damaged or cut short"
    return InputError(message, hint="fetch it again and compare its checksum", code="data_invalid")
