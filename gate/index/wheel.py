"""Read a wheel as data: its name, METADATA and RECORD, out of a file or of a few ranges. Nothing of it is run.

Formats: the binary distribution format (PEP 427, PEP 491) and recording installed projects (PEP 376).
"""

from __future__ import annotations

import base64
import configparser
import hashlib
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import compat32
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from gate.bounds import WheelBounds
from gate.errors import BoundError
from gate.index.archive import ByteSource, FileSource, Member, read_directory, refused
from gate.index.content import member_chunks, read_member
from gate.index.facts import RecordRow, WheelFacts, parse_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from email.message import Message

_CHUNK = 1 << 20
_SCRIPT_BYTES = 1 << 17
_SCRIPTS = 64
_UNRECORDED = ("RECORD", "RECORD.jws", "RECORD.p7s")


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelName:
    """What the file name says: normalised name and version, and the compressed tags spelled out, sorted."""

    name: str
    version: str
    tags: tuple[str, ...]


def parse_filename(filename: str) -> WheelName:
    """Read a wheel's file name.

    Raises:
        InputError: `wheel_filename`.
    """
    try:
        name, version, _, tags = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise refused(code="wheel_filename", message=f"`{filename[:200]}` is no wheel's name: {error}") from error
    return WheelName(name=name, version=str(version), tags=tuple(sorted(str(tag) for tag in tags)))


def read_wheel(
    source: ByteSource, filename: str, *, sha256: str = "", verified: bool = False, bounds: WheelBounds
) -> WheelFacts:
    """Read the facts of one wheel; only what lies below its `.dist-info` folder is read.

    Args:
        source: where the bytes are.
        filename: the wheel's own name.
        sha256: of the whole file, as computed or as the index says.
        verified: the first of the two.
        bounds: what reading may cost.

    Raises:
        InputError: `zip_…`, `wheel_…` or `record_…` says what is wrong with the wheel.
        BoundError: something in it is larger than the bounds allow.
    """
    named = parse_filename(filename)
    members = {member.name: member for member in read_directory(source, bounds)}
    folder = dist_info_of(members, named)
    metadata, wheel, record, points, scripts = _contents(source, members, folder, bounds)
    _agrees(metadata, named)
    return WheelFacts(
        filename=filename,
        sha256=sha256,
        size=source.size,
        verified=verified,
        name=named.name,
        version=named.version,
        dist_info=folder,
        tags=tuple(sorted(_headers(wheel).get_all("Tag", []))),
        metadata_sha256=hashlib.sha256(metadata).hexdigest(),
        scripts=_scripts(points),
        rewritten={p: base64.b64encode(text).decode() for p, text in scripts.items() if text.startswith(b"#!python")},
        record=parse_record(record, f"{folder}/RECORD", bounds.members),
    )


def _contents(
    source: ByteSource, members: Mapping[str, Member], folder: str, bounds: WheelBounds
) -> tuple[bytes, bytes, bytes, bytes, dict[str, bytes]]:
    """Return METADATA, WHEEL, RECORD, the entry points and the scripts that the wheel brings along."""
    wanted = [f"{folder}/{leaf}" for leaf in ("METADATA", "WHEEL", "RECORD")]
    missing = [path for path in wanted if path not in members]
    if missing:
        raise refused(code="wheel_incomplete", message=f"the wheel has no `{missing[0]}`")
    points = [path for path in (f"{folder}/entry_points.txt",) if path in members]
    scripts = _own_scripts(members.values(), folder)
    source.prefetch([(members[path].offset, members[path].end) for path in (*wanted, *points, *scripts)])
    metadata, wheel, record = (read_member(source, members[path], bounds.metadata_bytes) for path in wanted)
    texts = {path: read_member(source, members[path], _SCRIPT_BYTES) for path in scripts}
    named = b"".join(read_member(source, members[path], bounds.metadata_bytes) for path in points)
    return metadata, wheel, record, named, texts


def wheel_facts_of(file: Path | BinaryIO, filename: str = "", *, bounds: WheelBounds | None = None) -> WheelFacts:
    """Read a wheel that is at hand, whole: its digest is computed and every row of RECORD held against its bytes.

    Args:
        file: a path, or a seekable binary file together with its `filename`.
        filename: the wheel's own name, if it is not the path's.
        bounds: what reading may cost.

    Raises:
        InputError: as `read_wheel`; `record_differs` if a row is not what the archive has.
        BoundError: as `read_wheel`; the whole inflates to more than the bounds allow.
        OSError: the file can't be read.
    """
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return wheel_facts_of(opened, filename or file.name, bounds=bounds)
    bounds = bounds or WheelBounds()
    source = FileSource(file)
    facts = read_wheel(source, filename, sha256=_digest(source), verified=True, bounds=bounds)
    _hold_record(source, facts, bounds)
    return facts.model_copy(update={"checked": True})


def dist_info_of(members: Mapping[str, Member], named: WheelName) -> str:
    """Return the name of the one `.dist-info` folder.

    Raises:
        InputError: `wheel_dist_info`; there is none, more than one, or one of another project or version.
    """
    folders = {name.split("/")[0] for name in members if name.split("/")[0].endswith(".dist-info")}
    if len(folders) != 1:
        raise refused(code="wheel_dist_info", message=f"{len(folders)} `.dist-info` folders where one must be")
    folder = folders.pop()
    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
    if canonicalize_name(name) != named.name or not _same_version(version, named.version):
        raise refused(code="wheel_dist_info", message=f"`{folder}` does not belong to {named.name} {named.version}")
    return folder


def _own_scripts(members: Iterable[Member], folder: str) -> list[str]:
    """Name the scripts that the wheel brings along; what is large is no script, and their number is bounded."""
    start = folder.removesuffix(".dist-info") + ".data/scripts/"
    found = [one.name for one in members if one.name.startswith(start) and 0 < one.size <= _SCRIPT_BYTES]
    return found[:_SCRIPTS]


def _agrees(metadata: bytes, named: WheelName) -> None:
    headers = _headers(metadata)
    name, version = str(headers.get("Name", "")), str(headers.get("Version", ""))
    if canonicalize_name(name.strip()) != named.name or not _same_version(version.strip(), named.version):
        message = f"METADATA is of `{name[:80]} {version[:80]}`, the file name of `{named.name} {named.version}`"
        raise refused(code="wheel_name_mismatch", message=message)


def _same_version(left: str, right: str) -> bool:
    try:
        return Version(left) == Version(right)
    except InvalidVersion:
        return False


def _headers(data: bytes) -> Message:
    return BytesParser(policy=compat32).parsebytes(data, headersonly=True)


def _scripts(data: bytes) -> dict[str, str]:
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names of scripts keep their case
    try:
        parser.read_string(data.decode())
    except (UnicodeDecodeError, configparser.Error) as error:
        raise refused(code="wheel_entry_points", message="`entry_points.txt` can't be read") from error
    sections = [section for section in ("console_scripts", "gui_scripts") if parser.has_section(section)]
    return {name: _target(value) for section in sections for name, value in sorted(parser.items(section))}


def _target(value: str | None) -> str:
    """Return `module:attribute` without extras and blanks."""
    return "".join((value or "").partition("[")[0].split())


def _digest(source: ByteSource) -> str:
    digest = hashlib.sha256()
    for offset in range(0, source.size, _CHUNK):
        digest.update(source.read(offset, min(_CHUNK, source.size - offset)))
    return f"sha256:{digest.hexdigest()}"


def _hold_record(source: ByteSource, facts: WheelFacts, bounds: WheelBounds) -> None:
    """Demand that RECORD and the archive name the same files with the same bytes."""
    members = [member for member in read_directory(source, bounds) if not member.is_folder]
    if sum(member.size for member in members) > bounds.inflated_bytes:
        message = f"`{facts.filename}` inflates to more than {bounds.inflated_bytes} bytes"
        raise BoundError(message, code="wheel_too_large", hint="raise the bounds for wheels if it is wanted")
    unrecorded = {f"{facts.dist_info}/{leaf}" for leaf in _UNRECORDED}
    odd = {member.name for member in members} - unrecorded ^ facts.record.keys()
    if odd:
        message = f"`{min(odd)}` is only in one of the archive and its RECORD"
        raise refused(code="record_differs", message=message, paths=len(odd))
    for member in members:
        _hold(source, member, facts.record.get(member.name))


def _hold(source: ByteSource, member: Member, row: RecordRow | None) -> None:
    digest = hashlib.sha256()
    for chunk in member_chunks(source, member):
        digest.update(chunk)
    if row is None:
        return
    if not row.sha256:
        raise refused(code="record_unhashed", message=f"RECORD has no sha256 for `{member.name}`")
    if row.sha256 != digest.hexdigest() or row.size not in {-1, member.size}:
        raise refused(code="record_differs", message=f"`{member.name}` is not what RECORD says")
