"""What `gate check --resolve` adds: the closed set behind each definition, its rules, and a lock file of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from gate.cli.progress import progress
from gate.errors import GateError, InputError, UsageError
from gate.exceptions.plain import plain
from gate.model.decision import Status
from gate.model.failure import Failure
from gate.model.origin import PYPI, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from gate.bounds import DefinitionBounds
    from gate.config import Config
    from gate.data.interface import ReferenceData
    from gate.model.reference import Declared
    from gate.policy.schema import Policy
    from gate.resolve.judged import JudgedSet
    from gate.resolve.settings import ResolveConfig

_PINNED = "pinned"
"""The rule that a lock file is the way out of."""

_PINNED_PYTHON = re.compile(r"={1,3}\s*(3\.\d{1,2})(?:[.*=\s].*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the sets are for, as it was typed; `python` is empty if nobody stated one."""

    platform: str
    python: str

    def python_for(self, declared: Declared) -> str:
        """Return the Python that was stated, else the one that a conda environment pins, else the default."""
        from gate.resolve.settings import DEFAULT_PYTHON  # noqa: PLC0415 - a check without `--resolve` needs none of it

        if self.python:
            return self.python
        pins = {
            match[1]
            for one in declared.references
            if one.kind is Kind.CONDA and one.name == "python" and (match := _PINNED_PYTHON.fullmatch(one.spec.strip()))
        }
        return pins.pop() if len(pins) == 1 else DEFAULT_PYTHON


def stated(platform: str, python: str) -> Stated:
    """Read what was stated, before anything is read or asked.

    Raises:
        UsageError: there is no such platform or Python.
    """
    from gate.resolve.settings import DEFAULT_PYTHON  # noqa: PLC0415 - as above
    from gate.resolve.target import DEFAULT_PLATFORM, parse_target  # noqa: PLC0415

    target = parse_target(platform or DEFAULT_PLATFORM, python or DEFAULT_PYTHON)
    return Stated(platform=target.name, python=python)


def definitions_of(
    declared: Sequence[Declared], files: Sequence[Path], roots: Sequence[Path], bounds: DefinitionBounds
) -> list[tuple[str, Declared]]:
    """Return each environment by itself: a file that was named is one; of a folder, each file that no other includes.

    Two definitions need not fit together, so that they are never resolved as one.
    """
    from gate.environment.reader import read_definition  # noqa: PLC0415 - `--help` needs none of these

    found: list[tuple[str, Declared]] = []
    for path, root, whole in zip(files, roots, declared, strict=True):
        if not path.is_dir():
            found.append((whole.files[0] if whole.files else path.name, whole))
            continue
        parts = {name: read_definition(root / name, root, bounds) for name in whole.files}
        included = {name for outer, part in parts.items() for name in part.files if name != outer}
        tops = [name for name in parts if name not in included]
        covered = {name for top in tops for name in parts[top].files}
        for name, part in parts.items():
            # Files that include each other have no first one: the first that nothing else covers stands for them.
            if name not in covered:
                tops.append(name)
                covered.update(part.files)
        found += [(name, parts[name]) for name in tops]
    return found


def judged_sets(  # noqa: PLR0913 - the facts of one check, by name
    definitions: Sequence[tuple[str, Declared]],
    policy: Policy,
    *,
    wanted: Stated,
    now: datetime,
    config: Config,
    data: Callable[[], ReferenceData | None],
) -> tuple[JudgedSet, ...]:
    """Resolve and judge each definition by itself, and say on a terminal which one is under way.

    Args:
        definitions: their names in the report, and what was read of them.
        policy: the policy in force.
        wanted: platform and Python.
        now: the one instant.
        config: this machine's settings.
        data: opens the imported reference data; asked only where a file is too young.
    """
    from gate.resolve.judged import judge_closed_set  # noqa: PLC0415 - as above
    from gate.wiring_resolving import resolve_config  # noqa: PLC0415 - as above

    settings = resolve_config(config, policy)
    found = []
    with progress("resolving") as show:
        for number, (name, declared) in enumerate(definitions, 1):
            show(f"resolving {name} ({number} of {len(definitions)})")
            judged = judge_closed_set(
                declared,
                policy,
                definition=name,
                platform=wanted.platform,
                python=wanted.python_for(declared),
                now=now,
                config=settings,
            )
            found.append(_waived(judged, declared, policy, settings, data))
    return tuple(found)


def _waived(
    judged: JudgedSet,
    declared: Declared,
    policy: Policy,
    settings: ResolveConfig,
    data: Callable[[], ReferenceData | None],
) -> JudgedSet:
    """Judge again with what blocks the environment as it is without the young files, if advisories know of them.

    What can't be looked up waives nothing: the set stays refused, and people are told why.
    """
    from gate.resolve.older import cooling  # noqa: PLC0415 - as above

    if not cooling(judged):
        return judged
    from gate.findings.advisories.fixes import imported_advisories  # noqa: PLC0415 - as above
    from gate.findings.advisories.waiver import waived_for_fixes  # noqa: PLC0415 - as above

    try:
        kept = data()
        if kept is None:
            return judged
        advisories = imported_advisories(kept, policy.decision.findings, judged.resolution.resolved_at)
        return waived_for_fixes(judged, declared, policy, settings, advisories)
    except Exception as error:  # noqa: BLE001 - a look-up that fails in any way waives nothing
        failure = Failure.of(error)
        typer.echo(f"no cooling-off is waived: [{failure.code}] {plain(failure.message)}", err=True)
        return judged


def known_names(sets: Sequence[JudgedSet], data: Callable[[], ReferenceData | None]) -> Callable[[str], bool]:
    """Return what says whether a PEP 503 name is a project of PyPI: one that was resolved, or one of the imported map.

    Nobody is asked for it: a name of unknown origin may be a private one.
    """
    resolved = {
        one.name
        for judged in sets
        for one in judged.resolution.packages
        if one.kind is Kind.PYPI and one.origin.location == PYPI
    }

    def known(name: str) -> bool:
        if name in resolved:
            return True
        from gate.findings.advisories.fixes import known_on_pypi  # noqa: PLC0415 - as above

        try:
            kept = data()
            return kept is not None and known_on_pypi(kept, name)
        except GateError:
            return False

    return known


def is_lock(name: str) -> bool:
    """Say whether an output file is to be a lock file (`pylock.toml`, `pylock.<name>.toml`)."""
    parts = name.split(".")
    return parts[0] == "pylock" and parts[-1] == "toml" and len(parts) in {2, 3} and all(parts)


def lock_text(sets: Sequence[JudgedSet]) -> str:
    """Return the lock file of the one set that was resolved.

    Raises:
        UsageError: there is none, or more than one.
        InputError: the set is not closed, or refused: a lock says that it may be installed.
        GateError: the set could not be resolved.
    """
    from gate.resolve.pylock import render  # noqa: PLC0415 - as above

    full = [one for one in sets if one.verdict != "empty"]
    if len(full) != 1:
        message = f"a lock file holds one closed set, and there are {len(full)}"
        raise UsageError(message, hint="name one definition and `--resolve`", code="lock_of_one")
    (only,) = full
    if only.failure is not None:
        raise GateError(only.failure.message, hint=only.failure.hint, code=only.failure.code)
    stopping = [one for one in only.results if one.status in {Status.FAIL, Status.UNKNOWN} and one.rule != _PINNED]
    if stopping and only.resolution.closed:
        message = f"the closed set is refused ({stopping[0].rule}: {stopping[0].code}), so it is not locked"
        raise InputError(message, hint="mend what the check names", code="set_refused")
    return render(only.resolution)
