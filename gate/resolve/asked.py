"""What may be asked, of whom: the references whose every origin is safelisted; the rest is named, never sent out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.model.origin import Kind, Origin, OriginKind
from gate.model.reference import Problem, Reference, Severity
from gate.policy.dispose import origin_allowed
from gate.policy.private import reserved
from gate.policy.sets.rule import PACKAGES
from gate.resolve.names import requirement_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from packaging.requirements import Requirement

    from gate.model.reference import Declared
    from gate.policy.schema import PythonIndex, Safelist


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is put to the resolvers.

    Attributes:
        python: Python references and the requirements made of them, in order.
        conda: conda references.
        indexes: the safelisted indexes that those name, in policy's order.
        channels: the safelisted channels that those name, in the declaration's order: it is their priority.
        problems: what was left out, and why.
    """

    python: tuple[tuple[Reference, Requirement], ...]
    conda: tuple[Reference, ...]
    indexes: tuple[PythonIndex, ...]
    channels: tuple[Origin, ...]
    problems: tuple[Problem, ...]


def what_to_ask(declared: Declared, safelist: Safelist, own: Collection[str] = ()) -> Asked:
    """Sort a declaration into what may be asked and what is left out, with the reason.

    Images, OS packages and other kinds are no part of a closed set of packages; their dispositions stand elsewhere.

    Args:
        declared: what was read.
        safelist: the places that anyone may use, and the private names.
        own: names of safelisted indexes that are the organisation's own: private names may be asked there.
    """
    python: list[tuple[Reference, Requirement]] = []
    conda: list[Reference] = []
    problems: list[Problem] = []
    if any(problem.severity is Severity.ERROR for problem in declared.problems):
        file = next(problem.file for problem in declared.problems if problem.severity is Severity.ERROR)
        message = "the declaration was not read whole, so references may be missing from the closed set"
        problems.append(Problem(code="declaration_incomplete", message=message, file=file))
    private = reserved(safelist.reserved_names)
    for reference in declared.references:
        if reference.kind not in PACKAGES:
            continue
        code = _left_out(reference, safelist)
        if not code and reference.kind is Kind.PYPI and private(reference.name):
            indexes = _indexes([reference], safelist)
            code = "" if any(index.name in own for index in indexes) else "reserved_name"
        if code:
            problems.append(_problem(code, reference))
        elif reference.kind is Kind.CONDA:
            conda.append(reference)
        else:
            try:
                python.append((reference, requirement_of(reference)))
            except ValueError:
                problems.append(_problem("requirement_unreadable", reference))
    return Asked(
        python=tuple(python),
        conda=tuple(conda),
        indexes=_indexes([reference for reference, _ in python], safelist),
        channels=tuple(dict.fromkeys(_channel(origin, safelist) for one in conda for origin in one.origins)),
        problems=tuple(problems),
    )


def _left_out(reference: Reference, safelist: Safelist) -> str:
    if reference.kind not in {Kind.PYPI, Kind.CONDA}:
        return "not_resolvable"
    if reference.undetermined:
        return "origin_undetermined"
    if not reference.origins or not all(origin_allowed(origin, safelist) for origin in reference.origins):
        return "origin_not_safelisted"
    wanted = OriginKind.PYTHON_INDEX if reference.kind is Kind.PYPI else OriginKind.CONDA_CHANNEL
    return "" if all(origin.kind is wanted for origin in reference.origins) else "not_resolvable"


_MESSAGES = {
    "not_resolvable": "`{name}` comes from an address or a path: the gate neither fetches nor builds it",
    "origin_undetermined": "where `{name}` comes from can't be told, so it was asked of nobody",
    "origin_not_safelisted": "`{name}` may come from a place that is not safelisted, so it was asked of nobody",
    "reserved_name": "`{name}` is a private name and was not sent to a public index",
    "requirement_unreadable": "the requirement on `{name}` can't be read",
}


def _problem(code: str, reference: Reference) -> Problem:
    message = _MESSAGES[code].format(name=reference.name[:120])
    return Problem(code=code, message=message, file=reference.file, line=reference.line)


def _indexes(references: list[Reference], safelist: Safelist) -> tuple[PythonIndex, ...]:
    locations = {origin.location for reference in references for origin in reference.origins}
    return tuple(
        index for index in safelist.python_indexes if index.name in locations or (index.url and index.url in locations)
    )


def _channel(origin: Origin, safelist: Safelist) -> Origin:
    """Return the channel under the name that policy gives it, whatever address the declaration wrote."""
    location = origin.location.rstrip("/")
    for channel in safelist.conda_channels:
        if location == channel.name or location in channel.urls:
            return Origin(kind=OriginKind.CONDA_CHANNEL, location=channel.name)
    return origin
