"""What `gate check --resolve` adds: the closed set behind each definition, its rules, and a lock file of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gate.bounds import HttpBounds
    from gate.model.reference import Declared
    from gate.policy.schema import Policy
    from gate.resolve.judged import JudgedSet

REFUSED = 10


def judged_sets(  # noqa: PLR0913 - the facts of one check, by name
    definitions: Sequence[tuple[str, Declared]],
    policy: Policy,
    *,
    platform: str,
    python: str,
    now: datetime,
    http: HttpBounds,
) -> tuple[JudgedSet, ...]:
    """Resolve and judge each definition by itself: two files are two environments, which need not fit together.

    Raises:
        UsageError, UpstreamError, BoundError, GateError: as `judge_closed_set`.
    """
    from gate.resolve.judged import judge_closed_set  # noqa: PLC0415 - a check without `--resolve` needs none of it
    from gate.resolve.settings import ResolveConfig  # noqa: PLC0415 - as above

    config = ResolveConfig(http=http)
    return tuple(
        judge_closed_set(declared, policy, definition=name, platform=platform, python=python, now=now, config=config)
        for name, declared in definitions
    )


def is_lock(name: str) -> bool:
    """Say whether an output file is to be a lock file (`pylock.toml`, `pylock.<name>.toml`)."""
    parts = name.split(".")
    return parts[0] == "pylock" and parts[-1] == "toml" and len(parts) in {2, 3} and all(parts)


def lock_text(sets: Sequence[JudgedSet]) -> str:
    """Return the lock file of the one set that was resolved.

    Raises:
        UsageError: there is none, or more than one.
        InputError: the set is not closed.
    """
    from gate.resolve.pylock import render  # noqa: PLC0415 - as above

    if len(sets) != 1:
        message = f"a lock file holds one closed set, and there are {len(sets)}"
        raise UsageError(message, hint="name one definition and `--resolve`", code="lock_of_one")
    return render(sets[0].resolution)


def exit_code(code: int, sets: Sequence[JudgedSet]) -> int:
    """Return the check's exit code: what was refused before stays so, and a refused set refuses what was fine."""
    return REFUSED if code == 0 and any(one.verdict != "sound" for one in sets) else code
