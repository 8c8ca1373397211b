"""Read OSV records for PyPI strictly: what can't be read fails the import, so that no advisory is ever lost.

Source: the Open Source Vulnerability format, https://ossf.github.io/osv-schema/ (major version 1). Fields that a
minor version adds are let through; fields that matching depends on are typed, and their values are closed lists.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from gate.data.interface import DataRow
from gate.data.reading import invalid, reason_of
from gate.errors import InputError
from gate.model.base import Instant, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PYPI_ECOSYSTEM = "PyPI"
SUMMARY_CHARACTERS = 300
VERSION_CHARACTERS = 256
"""Python refuses to turn more than 4,300 digits into a number; a judged image may hold such a version."""
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")

Text = Annotated[str, Field(min_length=1, max_length=500)]


class RangeType(StrEnum):
    """How a range orders versions. GIT orders commits and says nothing of releases."""

    ECOSYSTEM = "ECOSYSTEM"
    SEMVER = "SEMVER"
    GIT = "GIT"


class Event(Value):
    """One turn of a range: exactly one of the four is set."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Event:
        if sum(part is not None for part in (self.introduced, self.fixed, self.last_affected, self.limit)) != 1:
            message = "an event has exactly one of `introduced`, `fixed`, `last_affected`, `limit`"
            raise ValueError(message)
        return self


class Range(Value):
    """A range whose versions can be ordered."""

    type: RangeType
    events: tuple[Event, ...]

    @model_validator(mode="after")
    def _begins(self) -> Range:
        if all(event.introduced is None for event in self.events):
            message = "a range has at least one `introduced`"
            raise ValueError(message)
        return self


class SeverityVector(Value):
    """A severity as the record gives it: a system (`CVSS_V3` …) and its vector."""

    type: Text
    score: Text


class Advisory(Value):
    """What one record says of one PyPI name: all that matching reads, in the form in which it is stored."""

    id: Text
    aliases: tuple[Text, ...] = ()
    tied: tuple[Text, ...] = ()
    """Further ids of the same vulnerability, by what other records of the file say, whatever package those are about.

    A record that is ever withdrawn ties nothing. Older imports have none.
    """
    withdrawn: Instant | None = None
    modified: Instant | None = None
    """When the record was last changed: what it says was known by then. Older imports have none."""
    summary: str = ""
    name: str
    versions: tuple[str, ...] = ()
    """Only in older imports: the listed versions as the record spells them."""
    listed: str = ""
    """The listed versions in the one spelling that equal versions share (`spelt`), one a line, sorted.

    One text, for records list fifty thousand versions between them: it is taken apart where one is asked for.
    """
    ranges: tuple[Range, ...] = ()
    unbounded: bool = False
    """An entry of the record lists neither versions nor a range of releases: no version can be ruled out by it."""
    severity: tuple[SeverityVector, ...] = ()
    rating: str = ""
    """`database_specific.severity` where the record has one: the database's own word."""


class _Lenient(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


def pypi_name(value: str) -> str:
    """Return the PEP 503 form of a Python package name.

    Raises:
        ValueError: it is no such name.
    """
    if not _NAME.fullmatch(value):
        message = "not a Python package name"
        raise ValueError(message)
    return canonicalize_name(value)


class _Package(_Lenient):
    ecosystem: Text
    name: Text

    @property
    def is_pypi(self) -> bool:
        return self.ecosystem.split(":", 1)[0] == PYPI_ECOSYSTEM


class _RawRange(_Lenient):
    type: Annotated[RangeType, Field(strict=False)]
    events: tuple[Event, ...] = Field(min_length=1)


class _Specific(_Lenient):
    severity: object = None


class _Affected(_Lenient):
    package: _Package | None = None
    ranges: tuple[_RawRange, ...] | None = None
    versions: tuple[str, ...] | None = None
    severity: tuple[SeverityVector, ...] | None = None


def _major_one(value: str) -> str:
    try:
        major = Version(value).major
    except InvalidVersion:
        major = -1
    if major != 1:
        message = f"schema version {value[:40]!r} is unknown; major version 1 is read"
        raise ValueError(message)
    return value


class _Record(_Lenient):
    schema_version: Annotated[str, AfterValidator(_major_one)] = "1.0.0"
    id: Text
    modified: AwareDatetime
    withdrawn: AwareDatetime | None = None
    aliases: tuple[Text, ...] | None = None
    summary: str | None = None
    details: str | None = None
    affected: tuple[_Affected, ...] | None = None
    severity: tuple[SeverityVector, ...] | None = None
    database_specific: _Specific | None = None


class OsvRecord(Value):
    """One record, read: its id, when it was last changed, and what it says of each PyPI name."""

    id: str
    modified: Instant
    advisories: tuple[Advisory, ...]

    def rows(self) -> tuple[DataRow, ...]:
        """Return one row a name, as reference data keeps them."""
        return tuple(
            DataRow(key=advisory.name, id=advisory.id, record=advisory.model_dump_json(exclude_defaults=True))
            for advisory in self.advisories
        )


@lru_cache(maxsize=65_536)
def parsed(version: str) -> Version | None:
    """Return the PEP 440 version, or None: legacy spellings and endless numbers have no agreed order."""
    if len(version) > VERSION_CHARACTERS:
        return None
    try:
        return Version(version)
    except InvalidVersion:
        return None


def spelt(version: str) -> str:
    """Return a version in the shortest spelling of PEP 440, which equal versions share; nothing if it is none."""
    at = parsed(version)
    return "" if at is None else canonicalize_version(at)


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(sorted({text for text in texts if text}))


def with_ties(row: DataRow, groups: Mapping[str, frozenset[str]]) -> DataRow:
    """Return a row that names all ids of its vulnerability, as records about other packages tie them together.

    Args:
        row: as `OsvRecord.rows` makes it.
        groups: all ids that are tied to each id.
    """
    group = groups.get(row.id, frozenset())
    if len(group) <= 1:
        return row
    advisory = Advisory.parse(row.record)
    tied = group - {advisory.id, *advisory.aliases}
    if not tied:
        return row
    whole = advisory.model_copy(update={"tied": tuple(sorted(tied))})
    return row.model_copy(update={"record": whole.model_dump_json(exclude_defaults=True)})


def parse_record(data: bytes, *, where: str) -> OsvRecord:
    """Read one record. `where` says where it stands (`line 12`, a file in an archive), for the error.

    Raises:
        InputError: it is not a record of schema 1, or a live one that names no PyPI package.
    """
    try:
        raw = _Record.model_validate_json(data)
        advisories = tuple(_advisories(raw))
    except (ValidationError, ValueError) as error:
        raise _refused(error, data, where) from None
    if not advisories and raw.withdrawn is None:
        problem = ValueError("names no PyPI package, so nothing can be held against it")
        raise _refused(problem, data, where)
    return OsvRecord(id=raw.id, modified=raw.modified, advisories=advisories)


def _advisories(raw: _Record) -> list[Advisory]:
    """Merge the entries of a record by name: a record may list one package more than once."""
    merged: dict[str, Advisory] = {}
    for entry in raw.affected or ():
        if entry.package is None or not entry.package.is_pypi:
            continue
        name = pypi_name(entry.package.name)
        before = merged.get(name)
        one = _advisory(raw, entry, name)
        merged[name] = one if before is None else _joined(before, one)
    return list(merged.values())


def _advisory(raw: _Record, entry: _Affected, name: str) -> Advisory:
    ranges = [item for item in entry.ranges or () if item.type is not RangeType.GIT]
    rating = raw.database_specific.severity if raw.database_specific else None
    return Advisory(
        id=raw.id,
        aliases=tuple(sorted(set(raw.aliases or ()))),
        withdrawn=raw.withdrawn,
        modified=raw.modified,
        summary=" ".join((raw.summary or raw.details or "").split())[:SUMMARY_CHARACTERS],
        name=name,
        listed=_lines(map(spelt, entry.versions or ())),
        ranges=tuple(Range(type=item.type, events=item.events) for item in ranges),
        unbounded=not entry.versions and not ranges,
        severity=(*(raw.severity or ()), *(entry.severity or ())),
        rating=rating if isinstance(rating, str) else "",
    )


def _joined(first: Advisory, second: Advisory) -> Advisory:
    update = {
        "listed": _lines([*first.listed.splitlines(), *second.listed.splitlines()]),
        "ranges": first.ranges + second.ranges,
        "unbounded": first.unbounded or second.unbounded,
        "severity": tuple(dict.fromkeys(first.severity + second.severity)),
    }
    return first.model_copy(update=update)


def _refused(error: ValueError, data: bytes, where: str) -> InputError:
    found = re.search(rb'"id"\s*:\s*"([A-Za-z0-9._:-]{1,100})"', data)
    record = found.group(1).decode() if found else "without an id"
    reason = reason_of(error) if isinstance(error, ValidationError) else str(error)
    return invalid(f"advisory `{record}` ({where}) can't be read: {reason}", record=record, where=where)
