"""What a wheel says of itself, as a value that can be kept and compared."""

from __future__ import annotations

import base64
import csv
import io
import re

from pydantic import Field

from gate.index.archive import refused
from gate.model.base import Value

_HEX = re.compile(r"[0-9a-f]{64}")
_ODD = re.compile(r"[\x00-\x1f\x7f\\]|^/|(?:^|/)\.{1,2}(?:/|$)|//|/$")
_B64_SHA256 = re.compile(r"sha256=([A-Za-z0-9_-]{43})=?")


class RecordRow(Value):
    """One row of a RECORD: sha256 in hexadecimal, empty if the row has none; size in bytes, -1 if it says none."""

    sha256: str = ""
    size: int = -1


class WheelFacts(Value):
    """The facts of one wheel.

    Attributes:
        filename: as its place has it.
        sha256: `sha256:…` of the whole file, as computed or, if not `verified`, as the index says; may be empty.
        size: of the whole file in bytes.
        verified: the whole file was read and its digest computed.
        checked: every row of the RECORD was held against the archive's own bytes.
        name: normalised (PEP 503).
        version: as the file name has it, normalised (PEP 440).
        dist_info: name of the `.dist-info` folder.
        tags: the `Tag` lines of WHEEL, sorted.
        metadata_sha256: of METADATA, hexadecimal.
        scripts: the console and GUI scripts that an installer writes: `module:attribute` by name.
        rewritten: base64 of the scripts below `.data/scripts` whose first line an installer replaces, by path.
        record: the rows of RECORD by path inside the wheel, without those of RECORD itself and its signatures.
    """

    filename: str
    sha256: str = ""
    size: int
    verified: bool = False
    checked: bool = False
    name: str
    version: str
    dist_info: str
    tags: tuple[str, ...]
    metadata_sha256: str
    scripts: dict[str, str] = Field(default_factory=dict)
    rewritten: dict[str, str] = Field(default_factory=dict)
    record: dict[str, RecordRow] = Field(default_factory=dict)


def is_hex_sha256(text: str) -> bool:
    """Say whether the text is a sha256 in lower-case hexadecimal digits."""
    return _HEX.fullmatch(text) is not None


def parse_record(data: bytes, own: str, limit: int) -> dict[str, RecordRow]:
    """Read a wheel's RECORD (PEP 376, PEP 427): CSV of path, `algorithm=urlsafe-base64`, size.

    Args:
        data: the bytes of RECORD.
        own: path of RECORD itself; its row and those of its signatures have no hash and are left out.
        limit: most rows.

    Raises:
        InputError: `record_…`: it can't be read, names a path twice or one outside the wheel, or has no row at all.
    """
    rows: dict[str, RecordRow] = {}
    for number, fields in enumerate(_csv(data), start=1):
        path, row = _row(fields, number)
        if number > limit or path in rows:
            code = "record_too_long" if number > limit else "record_duplicate"
            raise refused(code=code, message=f"line {number} of RECORD: `{path[:200]}`", line=number)
        rows[path] = row
    for suffix in ("", ".jws", ".p7s"):
        rows.pop(own + suffix, None)
    if not rows:
        raise refused(code="record_empty", message="RECORD names no file")
    return rows


def _csv(data: bytes) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(data.decode(), newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise refused(code="record_unreadable", message=f"RECORD is no CSV in UTF-8: {error}") from error


def _row(fields: list[str], number: int) -> tuple[str, RecordRow]:
    path, digest, size = (*fields, "", "")[:3]
    if len(fields) > 3 or not path or _ODD.search(path) or not (size == "" or size.isdecimal()):  # noqa: PLR2004 - columns
        raise refused(code="record_row", message=f"line {number} of RECORD is off: `{path[:200]}`", line=number)
    return path, RecordRow(sha256=_digest(digest, number), size=int(size) if size else -1)


def _digest(text: str, number: int) -> str:
    """Return the sha256 in hexadecimal; empty for none and for the stronger ones, which the image has no match for."""
    if not text or text.startswith(("sha384=", "sha512=")):
        return ""
    match = _B64_SHA256.fullmatch(text)
    if match is None:
        raise refused(code="record_hash", message=f"line {number} of RECORD has no sha256: `{text[:80]}`", line=number)
    return urlsafe_hex(match[1])


def urlsafe_hex(text: str) -> str:
    """Turn urlsafe base64 without padding into hexadecimal digits."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()
