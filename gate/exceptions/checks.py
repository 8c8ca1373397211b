"""Turn the report of `gate check --format json` into what is to be filed: a request for each thing that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ValidationError

from gate.errors import InputError
from gate.exceptions.interface import Filing
from gate.exceptions.package import subject_of
from gate.model.base import Value
from gate.model.decision import Status
from gate.model.exception import Subject
from gate.model.origin import Disposition, Kind, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

_REFUSING = frozenset({Status.FAIL, Status.UNKNOWN})


class Prefilled(Value):
    """What a report leads to: a filing for each thing that is refused, once, and how many can only be mended.

    What is undetermined is mended in the file, so that the gate can tell where it comes from; it is not excepted.
    The same holds for what a closed set is refused for that is no matter of bytes: a set that does not fit together,
    a project in quarantine, a private name.
    """

    filings: tuple[Filing, ...]
    undetermined: int
    unliftable: int = 0


class _Reference(BaseModel):
    kind: Kind
    name: str
    spec: str
    origins: tuple[Origin, ...]
    disposition: Disposition


class _Exception(BaseModel):
    kind: Kind
    name: str
    version: str


class _Result(BaseModel):
    status: Status
    exception: _Exception | None = None


class _Package(BaseModel):
    kind: Kind
    name: str
    version: str
    origin: Origin


class _ClosedSet(BaseModel):
    verdict: Literal["sound", "refused", "held", "empty"]
    packages: tuple[_Package, ...]
    results: tuple[_Result, ...]


class _Report(BaseModel):
    """The part of `gate.check/1` that is needed here."""

    schema_: Literal["gate.check/1"]
    verdict: Literal["safelisted", "needs_exception"]
    references: tuple[_Reference, ...]
    closed_sets: tuple[_ClosedSet, ...] = ()

    model_config = {"alias_generator": lambda name: name.rstrip("_")}


def filings_of(report: bytes, *, repository: str, reason: str) -> Prefilled:
    """Read a report.

    Args:
        report: the JSON text.
        repository: the place where images wait that will use what is asked for.
        reason: the same for all of them.

    Raises:
        InputError: `report_unreadable`: no report of this schema, or one that met an unparseable file or a closed set
            that could not be resolved, so that something may be missing; `report_contradicts`: it says that nothing is
            refused, or something, and shows otherwise.
        WrongContentError: `subject_unclear`.
    """
    try:
        read = _Report.model_validate_json(report)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"not a whole report of `gate check --format json`: `{where}`: {first['msg']}"
        hint = "check again with `--format json`, and mend what could not be parsed or resolved"
        raise InputError(message, code="report_unreadable", hint=hint) from error
    undetermined = sum(one.disposition is Disposition.UNDETERMINED for one in read.references)
    refusing = [one for closed in read.closed_sets for one in closed.results if one.status in _REFUSING]
    blocked = any(one.disposition is Disposition.BLOCKED for one in read.references)
    bare = bool(read.closed_sets) and all(one.verdict == "empty" for one in read.closed_sets)
    if (blocked or undetermined or bool(refusing) or bare) != (read.verdict == "needs_exception"):
        message = f"the report says `{read.verdict}` and shows otherwise"
        raise InputError(message, code="report_contradicts", hint="check again and take the report unchanged")
    found: dict[Subject, str] = {}
    for kind, name, version, origin in (*_blocked(read), *_excepted(read)):
        found.setdefault(subject_of(kind=kind, name=name, version=version, repository=repository), origin)
    filings = tuple(Filing(subject=subject, origin=origin, reason=reason) for subject, origin in found.items())
    unliftable = sum(one.exception is None for one in refusing)
    return Prefilled(filings=filings, undetermined=int(undetermined), unliftable=unliftable)


def _blocked(read: _Report) -> Iterator[tuple[Kind, str, str, str]]:
    for one in read.references:
        if one.disposition is Disposition.BLOCKED:
            yield one.kind, one.name, one.spec, ", ".join(origin.location for origin in one.origins)


def _excepted(read: _Report) -> Iterator[tuple[Kind, str, str, str]]:
    """Yield what results name to be excepted; only packages of the very set can be, whatever a result says."""
    for closed in read.closed_sets:
        packages = {(one.kind, one.name, one.version): one.origin.location for one in closed.packages}
        for result in closed.results:
            asked = result.exception
            if asked is None or result.status not in _REFUSING:
                continue
            key = (asked.kind, asked.name, asked.version)
            if key not in packages:
                message = f"the report asks for an exception for `{asked.name[:120]}`, which is not in its closed set"
                raise InputError(message, code="report_contradicts", hint="check again and take the report unchanged")
            yield *key, packages[key]
