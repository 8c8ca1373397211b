"""Resolve the closed set behind a declaration: the one function that commands call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.reference import Problem, Severity
from gate.model.resolution import Resolution
from gate.resolve.asked import what_to_ask
from gate.resolve.conda import resolve_conda
from gate.resolve.python import resolve_python
from gate.resolve.settings import ResolveConfig
from gate.resolve.target import parse_target

if TYPE_CHECKING:
    from datetime import datetime

    from gate.model.reference import Declared
    from gate.policy.schema import Policy


def closed_set(  # noqa: PLR0913 - the facts of one resolution, by name
    declared: Declared,
    policy: Policy,
    *,
    platform: str,
    python: str,
    now: datetime,
    config: ResolveConfig | None = None,
    newest: datetime | None = None,
) -> Resolution:
    """Resolve every package that an installation of the declaration would bring.

    Nothing of a judged project is built, run or read here: requirements are written anew from the references, and
    only those whose every origin is safelisted are asked, of those origins alone.

    Args:
        declared: what was read of one environment; several environments are several sets.
        policy: which origins there are, and which names are private.
        platform: as `parse_target` names it.
        python: `3.11` or `3.11.7`.
        now: the instant that the set is as of; recorded.
        config: bounds and addresses of this machine.
        newest: take no Python file that was uploaded later; None takes what an installation would take.

    Raises:
        UsageError: there is no such platform or Python.
        UpstreamError: an index or channel failed.
        BoundError: a bound was hit.
        GateError: a resolver is not installed.
    """
    config = config or ResolveConfig()
    target = parse_target(platform, python)
    asked = what_to_ask(declared, policy.safelist, config.private_indexes)
    halves = [resolve(asked, policy.safelist, target, config, newest) for resolve in (resolve_conda, resolve_python)]
    problems = (*asked.problems, *(problem for half in halves for problem in half.problems))
    found = [package for half in halves for package in half.packages]
    packages = tuple(sorted(found, key=lambda one: (one.kind.value, one.name)))
    if not packages and not problems:
        message = "the declaration names no package that could be resolved"
        file = next(iter(declared.files), "")
        problems = (Problem(code="nothing_to_resolve", message=message, file=file, severity=Severity.WARNING),)
    return Resolution(
        platform=target.name,
        python=target.python,
        packages=packages,
        problems=problems,
        origins=tuple(origin for half in halves for origin in half.origins),
        tools=dict(tool for half in halves for tool in half.tools),
        resolved_at=now,
    )
