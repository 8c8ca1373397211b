"""Bring a file of reference data in: read once, validated whole, kept under the digest of its bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from gate.bounds import DataBounds
from gate.data import osv
from gate.data.aliases import closed
from gate.data.conda_names import read_conda_names
from gate.data.exploited import read_exploited
from gate.data.interface import DataKind, DataRow, ReferenceData, StoredSnapshot
from gate.data.reading import ReadData, invalid
from gate.data.records import records
from gate.errors import BoundError, ConflictError, InputError, UsageError
from gate.model.base import format_instant, sha256_of
from gate.model.finding import DataSnapshot
from gate.model.redact import redact

CLOCK_SKEW = timedelta(hours=1)
SOURCE_CHARACTERS = 500


def read_osv(data: bytes, bounds: DataBounds) -> ReadData:
    """Read OSV records for PyPI.

    `published_at` is the newest `modified` of all records: the one date that the bytes themselves vouch for. The
    file's own time says when it was copied and an argument would be a claim; both could make old data look young.
    An ecosystem's dump changes daily, so that the newest record is at most about a day older than the dump.
    """
    rows: list[DataRow] = []
    seen: set[str] = set()
    links: list[tuple[str, ...]] = []
    newest: datetime | None = None
    for where, raw in records(data, bounds):
        record = osv.parse_record(raw, where=where)
        if record.id in seen:
            message = f"advisory `{record.id}` ({where}) stands in the file twice: which one is right can't be told"
            raise invalid(message, record=record.id, where=where)
        seen.add(record.id)
        newest = record.modified if newest is None else max(newest, record.modified)
        rows.extend(record.rows())
        links += [(one.id, *one.aliases) for one in record.advisories if one.aliases and one.withdrawn is None]
    if newest is None:
        message = "the file holds no record, and no data is not clean data"
        raise invalid(message)
    groups = closed(links)
    return ReadData(rows=tuple(osv.with_ties(row, groups) for row in rows), published_at=newest)


READERS: Mapping[DataKind, Callable[[bytes, DataBounds], ReadData]] = {
    DataKind.OSV_PYPI: read_osv,
    DataKind.KNOWN_EXPLOITED: read_exploited,
    DataKind.CONDA_NAMES: read_conda_names,
}
"""One reader a kind. Adding a kind adds its line here."""


def import_file(  # noqa: PLR0913 - each is one fact of the call, all but two keyword-only
    kind: DataKind,
    path: Path,
    *,
    into: ReferenceData,
    source: str,
    now: datetime,
    published_at: datetime | None = None,
    allow_older: bool = False,
    allow_smaller: bool = False,
    bounds: DataBounds | None = None,
) -> StoredSnapshot:
    """Validate the file whole, then swap it in whole; on any error nothing has changed.

    Args:
        kind: what the file is.
        path: where it lies.
        into: where it is kept.
        source: where it is from, for people; credentials in it are hidden.
        now: the time of the import (UTC).
        published_at: only for a kind whose files carry no date, and there needed: a claim that is kept as one.
        allow_older: go back to data that is older than what is active.
        allow_smaller: accept less than nine tenths of the rows that are active; a file cut at a line's end looks so.
        bounds: what reading may cost.

    Raises:
        InputError: the file can't be read as this kind (`data_invalid`), or is dated in the future (`data_future`).
        UsageError: `published_at` is given for a file that carries its date, or missing for one that does not.
        ConflictError: it is older (`data_older`) or much smaller (`data_smaller`) than what is active, and that was
            not allowed.
        BoundError: a bound was hit.
        StoreError: the storage failed.
    """
    limits = bounds or DataBounds()
    data = read_bounded(path, limits)
    read = READERS[kind](data, limits)
    dated = _dated(kind, read.published_at, published_at)
    if dated > now + CLOCK_SKEW:
        message = f"the file is dated {format_instant(dated)}, which lies in the future"
        raise InputError(message, hint="check this machine's clock, then where the file is from", code="data_future")
    _refuse_worse(kind, into, dated=dated, rows=len(read.rows), older=allow_older, smaller=allow_smaller)
    snapshot = DataSnapshot(
        kind=kind.value,
        digest=sha256_of(data),
        source=_writable(redact(source))[:SOURCE_CHARACTERS],
        published_at=dated,
        imported_at=now,
    )
    return into.import_snapshot(snapshot, read.rows)


def _writable(text: str) -> str:
    """Spell out what is no character: the name of a file may be any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _refuse_worse(  # noqa: PLR0913 - what the file is and what was allowed
    kind: DataKind, into: ReferenceData, *, dated: datetime, rows: int, older: bool, smaller: bool
) -> None:
    active = next((kept for kept in into.snapshots() if kept.active and kept.snapshot.kind == kind), None)
    if active is None:
        return
    if dated < active.snapshot.published_at and not older:
        message = f"the file is of {format_instant(dated)}, and the data in use is of a later time"
        raise ConflictError(message, hint="to go back to older data on purpose, say `--allow-older`", code="data_older")
    if rows * 10 < active.rows * 9 and not smaller:
        message = f"the file has {rows} rows and the data in use {active.rows}: it may have been cut"
        raise ConflictError(message, hint="if it is whole, say `--allow-smaller`", code="data_smaller")


def _dated(kind: DataKind, read: datetime | None, claimed: datetime | None) -> datetime:
    if read is not None and claimed is None:
        return read
    if read is None and claimed is not None:
        return claimed
    if read is None:
        message = f"a `{kind}` file carries no date of its own"
        raise UsageError(message, hint="say when it was published, with `--published-at`")
    message = f"a `{kind}` file carries its own date, which no argument replaces"
    raise UsageError(message, hint="leave `--published-at` out")


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
