"""Bring a file of reference data in: read once, validated whole, kept under the digest of its bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gate.bounds import DataBounds
from gate.data import osv
from gate.data.interface import DataKind, DataRow, ReferenceData, StoredSnapshot
from gate.data.records import records
from gate.errors import BoundError, ConflictError, InputError
from gate.model.base import format_instant, sha256_of
from gate.model.finding import DataSnapshot
from gate.model.redact import redact

CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadData:
    """What a file holds, validated: its rows and when its publisher last changed anything in it (UTC)."""

    rows: tuple[DataRow, ...]
    published_at: datetime


def read_osv(data: bytes, bounds: DataBounds) -> ReadData:
    """Read OSV records for PyPI.

    `published_at` is the newest `modified` of all records: the one date that the bytes themselves vouch for. The
    file's own time says when it was copied and an argument would be a claim; both could make old data look young.
    An ecosystem's dump changes daily, so that the newest record is at most about a day older than the dump.
    """
    rows: list[DataRow] = []
    seen: set[str] = set()
    newest: datetime | None = None
    for where, raw in records(data, bounds):
        record = osv.parse_record(raw, where=where)
        if record.id in seen:
            message = f"advisory `{record.id}` ({where}) stands in the file twice: which one is right can't be told"
            raise InputError(message, hint="nothing was imported", code="data_invalid", record=record.id)
        seen.add(record.id)
        newest = record.modified if newest is None else max(newest, record.modified)
        rows.extend(record.rows())
    if newest is None:
        raise _empty()
    return ReadData(rows=tuple(rows), published_at=newest)


READERS: Mapping[DataKind, Callable[[bytes, DataBounds], ReadData]] = {DataKind.OSV_PYPI: read_osv}
"""One reader a kind. Adding a kind adds its line here."""


def import_file(  # noqa: PLR0913 - each is one fact of the call, all but two keyword-only
    kind: DataKind,
    path: Path,
    *,
    into: ReferenceData,
    source: str,
    now: datetime,
    allow_older: bool = False,
    bounds: DataBounds | None = None,
) -> StoredSnapshot:
    """Validate the file whole, then swap it in whole; on any error nothing has changed.

    Raises:
        InputError: the file can't be read as this kind (`data_invalid`), or is dated in the future (`data_future`).
        ConflictError: it is older than what is active and `allow_older` is not set (`data_older`).
        BoundError: a bound was hit.
        StoreError: the storage failed.
    """
    limits = bounds or DataBounds()
    data = read_bounded(path, limits)
    read = READERS[kind](data, limits)
    if read.published_at > now + CLOCK_SKEW:
        message = f"the file is dated {format_instant(read.published_at)}, which lies in the future"
        raise InputError(message, hint="check this machine's clock, then where the file is from", code="data_future")
    active = into.active(kind)
    if active is not None and read.published_at < active.published_at and not allow_older:
        message = f"the file is of {format_instant(read.published_at)}, the data in use of a later time"
        raise ConflictError(message, hint="to go back to older data on purpose, say `--allow-older`", code="data_older")
    snapshot = DataSnapshot(
        kind=kind.value,
        digest=sha256_of(data),
        source=redact(source)[:500],
        published_at=read.published_at,
        imported_at=now,
    )
    return into.import_snapshot(snapshot, read.rows)


def read_bounded(path: Path, bounds: DataBounds) -> bytes:
    """Read a regular file of at most `bounds.file_bytes`.

    Raises:
        InputError: it is not there, not a file, or may not be read.
        BoundError: it is larger.
    """
    try:
        if not path.is_file():
            raise FileNotFoundError  # a folder and a missing file get the one message below
        with path.open("rb") as stream:
            data = stream.read(bounds.file_bytes + 1)
    except OSError as error:
        message = f"`{path.name}` can't be read: {error.strerror or 'no such file'}"
        raise InputError(message, hint="give the path of a file that this user may read") from error
    if len(data) > bounds.file_bytes:
        message = f"`{path.name}` is larger than the bound `file_bytes` of {bounds.file_bytes}"
        raise BoundError(message, hint="raise the bound in configuration if the file is sound", bound="file_bytes")
    return data


def _empty() -> InputError:
    message = "the file holds no record, and no data is not clean data"
    return InputError(message, hint="fetch the file again; nothing was imported", code="data_invalid")
