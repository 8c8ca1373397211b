"""The one waiver of the cooling-off: a release is the fix of what blocks the same environment as it is today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.policy.sets.rule import ClosedSet
from gate.resolve.judged import judged as judge_again
from gate.resolve.older import cooling, older_set

if TYPE_CHECKING:
    from gate.findings.advisories.fixes import ImportedAdvisories
    from gate.model.reference import Declared
    from gate.policy.schema import Policy
    from gate.resolve.judged import JudgedSet
    from gate.resolve.settings import ResolveConfig


def waived_for_fixes(
    judged: JudgedSet, declared: Declared, policy: Policy, config: ResolveConfig, advisories: ImportedAdvisories | None
) -> JudgedSet:
    """Judge a set again that was refused for young files, with what blocks the environment without them.

    "Today" is the set that an installation would bring that took nothing still cooling off. A release of which the
    advisories say that it is malicious waives nothing.

    Args:
        judged: the set, as it was judged without any finding.
        declared: the definition that it is of.
        policy: the policy in force.
        config: bounds and addresses of this machine.
        advisories: what was imported and is not too old; None waives nothing.

    Raises:
        UpstreamError, BoundError, GateError: the older set could not be resolved.
    """
    young = cooling(judged)
    if advisories is None or not young or not advisories.known(young):
        return judged
    now, findings = judged.resolution.resolved_at, policy.decision.findings
    older = older_set(declared, young, policy, judged, config)
    harmful = {one.component for one in advisories.blocking(young, findings, now) if one.malicious}
    blocking = tuple(one for one in advisories.blocking(older.packages, findings, now) if one.component not in harmful)
    case = ClosedSet(
        resolution=judged.resolution,
        policy=policy,
        demands=policy.decision.resolution,
        now=now,
        blocking=blocking,
        own_indexes=config.private_indexes,
    )
    return judge_again(judged.definition, case).model_copy(update={"advisories": advisories.used, "mends": blocking})
