"""A closed set with what the rules say of it: what `gate check --resolve` adds to a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gate.errors import UsageError
from gate.model.base import Value
from gate.model.decision import RuleResult, Status
from gate.model.failure import Failure
from gate.model.finding import DataSnapshot, Finding
from gate.model.resolution import Resolution
from gate.policy.sets import judge
from gate.policy.sets.rule import PACKAGES, ClosedSet
from gate.resolve.closed import closed_set
from gate.resolve.settings import ResolveConfig

if TYPE_CHECKING:
    from datetime import datetime

    from gate.model.exception import Grant
    from gate.model.reference import Declared
    from gate.policy.schema import Policy, ResolutionPolicy

SetVerdict = Literal["sound", "refused", "held", "unresolved", "empty"]

UNREACHED = frozenset({"channel_address_unknown"})
"""Problems of this machine's settings and not of the definition: nothing was decided."""


class JudgedSet(Value):
    """One definition's closed set, and every rule's results.

    `sound`: every rule passes or warns. `refused`: a rule fails. `held`: none fails, and not everything is known.
    `unresolved`: there is no answer, because a source or the gate failed (`failure` says how). `empty`: the definition
    was read whole and names no package, so that there is no set; that proves nothing by itself.
    """

    definition: str
    verdict: SetVerdict
    resolution: Resolution
    results: tuple[RuleResult, ...]
    failure: Failure | None = None
    advisories: tuple[DataSnapshot, ...] = ()
    """The reference data that a waiver of the cooling-off was looked up in."""
    mends: tuple[Finding, ...] = Field(default=(), exclude=True)
    """The findings that such a waiver rests on; reports show its result instead."""


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
    grants: tuple[Grant, ...] = (),
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
        demands: what is demanded of a set; what policy says if None.
        blocking: findings that block the same environment as it is today.
        grants: further grants, in force or not.

    Raises:
        UsageError: there is no such platform or Python. Whatever else fails is a verdict: `unresolved`.
    """
    config = config or ResolveConfig()
    try:
        resolution = closed_set(declared, policy, platform=platform, python=python, now=now, config=config)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever fails here, the other definitions are still to be told of
        nothing = Resolution(platform=platform, python=python, resolved_at=now)
        failure = Failure.of(error)
        return JudgedSet(definition=definition, verdict="unresolved", resolution=nothing, results=(), failure=failure)
    case = ClosedSet(
        resolution=resolution,
        policy=policy,
        demands=demands or policy.decision.resolution,
        now=now,
        blocking=blocking,
        grants=grants,
        own_indexes=config.private_indexes,
    )
    if not any(one.kind in PACKAGES for one in declared.references) and not case.resolution.blocked:
        return JudgedSet(definition=definition, verdict="empty", resolution=resolution, results=())
    return judged(definition, case)


def judged(definition: str, case: ClosedSet) -> JudgedSet:
    """Judge a set that was resolved; a rule that raises, or says nothing, is a failure of its own."""
    try:
        results = judge(case)
    except Exception as error:  # noqa: BLE001 - a rule that raises has not passed
        failure = Failure.of(error)
        return JudgedSet(
            definition=definition, verdict="unresolved", resolution=case.resolution, results=(), failure=failure
        )
    statuses = {result.status for result in results}
    verdict: SetVerdict = "held" if Status.UNKNOWN in statuses else "sound"
    if Status.FAIL in statuses:
        verdict = "refused"
    if any(problem.code in UNREACHED for problem in case.resolution.problems):
        verdict = "unresolved"
    return JudgedSet(definition=definition, verdict=verdict, resolution=case.resolution, results=results)
