"""Check environment definitions against the policy: what `gate check` and the service both call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from gate.bounds import DefinitionBounds
from gate.environment.reader import read_definition
from gate.model.base import Value
from gate.model.decision import Disposed
from gate.model.fix import Fix
from gate.model.origin import Disposition
from gate.model.reference import Declared, Problem, Reference, Severity, Source
from gate.policy.dispose import dispose_reference, origin_allowed
from gate.policy.schema import Treatment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from gate.model.exception import Grant
    from gate.policy.schema import Policy

Verdict = Literal["safelisted", "needs_exception", "unparseable"]

_FINE = frozenset({Disposition.SAFELISTED, Disposition.GRANTED})

# What hides a part of a definition whose rest was read: what is refused already stays refused, with its way out.
_IN_PART = frozenset({"shell_not_understood"})


class CheckedReference(Value):
    """One reference and what policy makes of it."""

    reference: Reference
    disposed: Disposed
    fix: Fix | None = None
    """The change that would let it pass, where one is known and was asked for (`gate.ways_out.find`)."""


class CheckedSource(Value):
    """One place that a definition puts in scope, and whether anyone may use it.

    `covered`: it is not safelisted, yet everything that it could deliver is granted by name and bytes.
    """

    source: Source
    safelisted: bool
    covered: bool = False


class CheckReport(Value):
    """The outcome of one check. The verdict is `safelisted` only if everything was read and everything may pass."""

    verdict: Verdict
    references: tuple[CheckedReference, ...] = ()
    sources: tuple[CheckedSource, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()


def check_files(  # noqa: PLR0913, PLR0917 - the facts of one check, in the order in which callers have them
    paths: Sequence[Path],
    policy: Policy,
    grants: Sequence[Grant],
    now: datetime,
    bounds: DefinitionBounds | None = None,
    root: Path | None = None,
) -> CheckReport:
    """Read the definitions and dispose of every reference.

    Args:
        paths: files or folders; each is a definition of its own.
        policy: decides; its standing grants are looked at too.
        grants: further grants, in force or not.
        now: the instant as of which grants hold.
        bounds: what reading may cost; the defaults if None.
        root: the folder that no read leaves; each file's own folder (a folder itself) if None.
    """
    declared = [read_definition(path, root or root_of(path), bounds or DefinitionBounds()) for path in paths]
    return check_declared(merge(declared), policy, grants, now)


def root_of(path: Path) -> Path:
    """Return the folder that reading this path may not leave when nobody names one: its own."""
    return path if path.is_dir() else path.parent


def merge(parts: Sequence[Declared]) -> Declared:
    """Put several definitions together, in order."""
    return Declared(
        references=tuple(one for part in parts for one in part.references),
        sources=tuple(one for part in parts for one in part.sources),
        problems=tuple(one for part in parts for one in part.problems),
        files=tuple(dict.fromkeys(one for part in parts for one in part.files)),
    )


def check_declared(declared: Declared, policy: Policy, grants: Sequence[Grant], now: datetime) -> CheckReport:
    """Dispose of everything that was declared, and say what follows."""
    every = (*policy.grants, *grants)
    checked = tuple(
        CheckedReference(reference=one, disposed=dispose_reference(one, policy, every, now))
        for one in declared.references
    )
    sources = tuple(_source(one, checked, policy) for one in declared.sources)
    return CheckReport(
        verdict=_verdict(checked, sources, declared.problems, policy),
        references=checked,
        sources=sources,
        problems=declared.problems,
        files=declared.files,
    )


def _source(source: Source, checked: Sequence[CheckedReference], policy: Policy) -> CheckedSource:
    if origin_allowed(source.origin, policy.safelist):
        return CheckedSource(source=source, safelisted=True)
    through = [one for one in checked if source.origin in one.reference.origins]
    covered = bool(through) and all(one.disposed.disposition is Disposition.GRANTED for one in through)
    return CheckedSource(source=source, safelisted=False, covered=covered)


def _verdict(
    checked: Sequence[CheckedReference], sources: Sequence[CheckedSource], problems: Sequence[Problem], policy: Policy
) -> Verdict:
    # Nothing found is not clean: without a single reference and source there is nothing to call safelisted.
    errors = {one.code for one in problems if one.severity is Severity.ERROR}
    if errors - _IN_PART or not (checked or sources):
        return "unparseable"
    implicit = policy.safelist.implicit_defaults is Treatment.BLOCK
    fine = (
        all(one.disposed.disposition in _FINE for one in checked)
        and all(one.safelisted or one.covered for one in sources)
        and not (implicit and any(one.code == "implicit_defaults" for one in problems))
    )
    if not fine:
        return "needs_exception"
    return "unparseable" if errors else "safelisted"


def common_root(path: Path, working: Path) -> Path:
    """Return the working directory if the path lies below it, else the path's own folder.

    A user stands in their project: what a definition includes lies there, often above the definition's own folder.
    """
    absolute, base = os.path.abspath(path), os.path.abspath(working)  # noqa: PTH100 - must not follow links
    inside = absolute == base or absolute.startswith(base.rstrip(os.sep) + os.sep)
    return working if inside else root_of(path)
