"""A closed set with what the rules say of it: what `gate check --resolve` adds to a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gate.model.base import Value
from gate.model.decision import RuleResult, Status
from gate.model.resolution import Resolution
from gate.resolve.closed import closed_set
from gate.resolve.rules import judge
from gate.resolve.rules.rule import ClosedSet
from gate.resolve.settings import ResolutionPolicy, ResolveConfig

if TYPE_CHECKING:
    from datetime import datetime

    from gate.model.finding import Finding
    from gate.model.reference import Declared
    from gate.policy.schema import Policy

SetVerdict = Literal["sound", "refused"]


class JudgedSet(Value):
    """One definition's closed set, and every rule's results. Anything but pass and warning refuses it."""

    definition: str
    verdict: SetVerdict
    resolution: Resolution
    results: tuple[RuleResult, ...]


def judge_closed_set(  # noqa: PLR0913 - the facts of one judgement, by name
    declared: Declared,
    policy: Policy,
    *,
    definition: str,
    platform: str,
    python: str,
    now: datetime,
    config: ResolveConfig | None = None,
    demands: ResolutionPolicy | None = None,
    blocking: tuple[Finding, ...] = (),
) -> JudgedSet:
    """Resolve one definition and judge the set.

    Args:
        declared: what was read of this one definition: several are several environments.
        policy: the policy in force.
        definition: how the definition is called in the report.
        platform: as `parse_target` names it.
        python: `3.11` or `3.11.7`.
        now: the one instant.
        config: bounds and addresses of this machine.
        demands: what is demanded of a set; the defaults if None.
        blocking: findings that block the same environment as it is today.

    Raises:
        UsageError, UpstreamError, BoundError, GateError: as `closed_set`.
    """
    config = config or ResolveConfig()
    resolution = closed_set(declared, policy, platform=platform, python=python, now=now, config=config)
    case = ClosedSet(
        resolution=resolution,
        policy=policy,
        demands=demands or ResolutionPolicy(),
        now=now,
        blocking=blocking,
        own_indexes=config.private_indexes,
    )
    results = judge(case)
    refused = any(result.status in {Status.FAIL, Status.UNKNOWN} for result in results)
    return JudgedSet(
        definition=definition, verdict="refused" if refused else "sound", resolution=resolution, results=results
    )
