"""Turn the report of `gate check --format json` into what is to be filed: one request for each blocked reference."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ValidationError

from gate.errors import InputError
from gate.exceptions.interface import Filing
from gate.exceptions.package import subject_of
from gate.model.base import Value
from gate.model.exception import Subject
from gate.model.origin import Disposition, Kind, Origin


class Prefilled(Value):
    """What a report leads to: a filing for each thing that is blocked, once, and how many are only undetermined.

    What is undetermined is mended in the file, so that the gate can tell where it comes from; it is not excepted.
    """

    filings: tuple[Filing, ...]
    undetermined: int


class _Reference(BaseModel):
    kind: Kind
    name: str
    spec: str
    origins: tuple[Origin, ...]
    disposition: Disposition


class _Report(BaseModel):
    """The part of `gate.check/1` that is needed here."""

    schema_: Literal["gate.check/1"]
    verdict: Literal["safelisted", "needs_exception"]
    references: tuple[_Reference, ...]

    model_config = {"alias_generator": lambda name: name.rstrip("_")}


def filings_of(report: bytes, *, repository: str, reason: str) -> Prefilled:
    """Read a report.

    Args:
        report: the JSON text.
        repository: the place where images wait that will use what is asked for.
        reason: the same for all of them.

    Raises:
        InputError: `report_unreadable`: no report of this schema, or one that met an unparseable file, so that
            references may be missing; `report_contradicts`: it says that nothing is blocked, or something, and shows
            otherwise.
        WrongContentError: `subject_unclear`.
    """
    try:
        read = _Report.model_validate_json(report)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"not a whole report of `gate check --format json`: `{where}`: {first['msg']}"
        hint = "check again with `--format json`, and mend what could not be parsed"
        raise InputError(message, code="report_unreadable", hint=hint) from error
    blocked = [one for one in read.references if one.disposition is Disposition.BLOCKED]
    undetermined = sum(one.disposition is Disposition.UNDETERMINED for one in read.references)
    if bool(blocked or undetermined) != (read.verdict == "needs_exception"):
        message = f"the report says `{read.verdict}` and shows otherwise"
        raise InputError(message, code="report_contradicts", hint="check again and take the report unchanged")
    found: dict[Subject, str] = {}
    for one in blocked:
        subject = subject_of(kind=one.kind, name=one.name, version=one.spec, repository=repository)
        found.setdefault(subject, ", ".join(origin.location for origin in one.origins))
    filings = tuple(Filing(subject=subject, origin=origin, reason=reason) for subject, origin in found.items())
    return Prefilled(filings=filings, undetermined=undetermined)
