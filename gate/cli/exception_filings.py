"""What `gate exception request` asks for: a draft, one thing by name, or all that a check found blocked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from gate.cli.run import report_error
from gate.errors import InputError, UsageError
from gate.exceptions.checks import filings_of
from gate.exceptions.interface import Filing
from gate.exceptions.package import subject_of
from gate.exceptions.refusals import RefusedError, WrongStateError
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gate.exceptions.interface import Desk, Shown
    from gate.model.exception import Justification
    from gate.model.principal import Principal

_REPORT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The words of the call, as they were typed."""

    reason: str
    draft: str
    kind: Kind | None
    name: str
    version: str
    repository: str
    check: Path | None
    vulnerability: str = ""
    justification: Justification | None = None


def filings(asked: Asked) -> Sequence[Filing]:
    """Return what is to be filed.

    Raises:
        UsageError: nothing is named, or in more than one way.
        InputError: the report can't be read.
        WrongContentError: `subject_unclear`.
    """
    by_name = asked.kind is not None or any((asked.name, asked.version, asked.vulnerability))
    ways = [bool(asked.draft), by_name, asked.check is not None]
    if ways.count(True) != 1 or (asked.draft and asked.repository):
        message = "name one thing to ask for, in one way"
        hint = "`--for EXR-…`; or `--kind`, `--name` and `--repository`; or `--from-check` and `--repository`"
        raise UsageError(message, hint=hint)
    if asked.draft:
        return [Filing(request=asked.draft, reason=asked.reason, justification=asked.justification)]
    if not asked.repository:
        message = "an exception is for one place where images wait"
        raise UsageError(message, hint="name it with `--repository`, as the policy's `promotion` has it")
    if asked.check is not None:
        return _prefilled(asked.check, asked.repository, asked.reason)
    if asked.kind is None or not asked.name:
        message = "a thing has a kind and a name"
        raise UsageError(message, hint="name both: `--kind pypi --name …`")
    subject = subject_of(
        kind=asked.kind,
        name=asked.name,
        version=asked.version,
        repository=asked.repository,
        vulnerability=asked.vulnerability,
    )
    return [Filing(subject=subject, reason=asked.reason, justification=asked.justification)]


def file_all(desk: Desk, wanted: Sequence[Filing], requester: Principal, now: datetime) -> tuple[list[Shown], int]:
    """File each; one that is refused does not keep the others from being filed.

    Returns:
        What was filed, and the exit code of the last refusal, 0 if there was none. A single filing raises instead.
    """
    shown: list[Shown] = []
    code = 0
    for filing in wanted:
        try:
            shown.append(desk.request(filing, requester, now=now))
        except (RefusedError, WrongStateError) as error:
            if len(wanted) == 1:
                raise
            code = report_error(error)
    return shown, code


def opened(path: Path) -> BinaryIO:
    """Open a file for reading; InputError if it can't be."""
    try:
        return path.open("rb")
    except OSError as error:
        message = f"`{path}` can't be read: {error.strerror}"
        raise InputError(message, hint="name a file that can be read", file=path) from error


def _prefilled(report: Path, repository: str, reason: str) -> Sequence[Filing]:
    with opened(report) as file:
        data = file.read(_REPORT_BYTES + 1)
    if len(data) > _REPORT_BYTES:
        message = f"the report has more than {_REPORT_BYTES} bytes"
        raise InputError(message, code="report_too_large", hint="check fewer files at once", file=report)
    found = filings_of(data, repository=repository, reason=reason)
    if found.undetermined:
        typer.echo(f"{found.undetermined} undetermined: mend them in the file as `gate check` says", err=True)
    if found.unliftable:
        typer.echo(f"{found.unliftable} results of closed sets that no exception lifts: do what each says", err=True)
    if not found.filings:
        typer.echo("nothing in the report is blocked: nothing to ask for", err=True)
    return found.filings
