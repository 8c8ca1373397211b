"""What a rule over a closed set is, and the case that each looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gate.model.decision import RuleResult, Status
from gate.model.exception import Grant
from gate.model.finding import Finding
from gate.model.origin import Kind
from gate.model.resolution import Resolution, ResolvedFile, ResolvedPackage
from gate.policy.dispose import Bounds, GrantState, grant_state
from gate.policy.rule import Explanation, passed, result
from gate.policy.schema import Policy, ResolutionPolicy, Treatment

PACKAGES = frozenset({Kind.PYPI, Kind.CONDA, Kind.URL, Kind.VCS, Kind.LOCAL})
"""What a closed set is made of; images, OS packages and the rest are no part of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSet:
    """A resolution, what is demanded of it, and the one instant.

    Attributes:
        resolution: the set.
        policy: the policy in force.
        demands: what it says of closed sets.
        now: the instant of the judgement.
        grants: further grants, in force or not; the policy's standing ones are looked at too.
        blocking: findings that block the same environment as it is today; a release that fixes one need not wait.
        own_indexes: names of safelisted indexes that are the organisation's own: private names may come from there.
        repository: where the image lies that the set is for, which a grant's scope is held to; nothing without one.
    """

    resolution: Resolution
    policy: Policy
    demands: ResolutionPolicy
    now: datetime
    grants: tuple[Grant, ...] = ()
    blocking: tuple[Finding, ...] = ()
    own_indexes: frozenset[str] = frozenset()
    repository: str = ""


class SetRule(Protocol):
    """One named check of a closed set; the same shape as the decision's rules."""

    @property
    def id(self) -> str:
        """Name the rule, in kebab case; stable."""
        ...

    @property
    def title(self) -> str:
        """Say in one sentence what holds when the rule passes."""
        ...

    @property
    def codes(self) -> Mapping[str, Explanation]:
        """Explain every code that the rule's own results can have."""
        ...

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield the results."""
        ...


def subject(package: ResolvedPackage) -> str:
    """Name a package as results do."""
    return f"{package.kind.value}:{package.name}@{package.version}"


def params(package: ResolvedPackage) -> dict[str, str]:
    """Return what every result about a package tells: its name, version, where it is declared, who asks for it."""
    return {
        "name": package.name,
        "version": package.version,
        "declared": ", ".join(package.declared),
        "required_by": ", ".join(package.required_by),
    }


def treated(treatment: Treatment) -> Status | None:
    """Return what policy's word makes of something; None if it is not even worth telling."""
    return {Treatment.BLOCK: Status.FAIL, Treatment.WARN: Status.WARN, Treatment.ALLOW: None}[treatment]


def granted(package: ResolvedPackage, file: ResolvedFile | None, case: ClosedSet) -> str:
    """Return the id of a grant in force for these very bytes; nothing if there is none.

    The same name and version with other bytes is not granted. Without an image there is no place to hold a scope to.
    """
    if file is None or not file.sha256:
        return ""
    bounds = Bounds(now=case.now, repository=case.repository)
    for grant in (*case.policy.grants, *case.grants):
        named = grant.kind is package.kind and grant.name == package.name and grant.version == package.version
        same = named and any(one.sha256 == file.sha256 for one in grant.files)
        if same and grant_state(grant, bounds) is GrantState.IN_FORCE:
            return grant.id
    return ""


def lifted(
    rule: str, package: ResolvedPackage, file: ResolvedFile | None, case: ClosedSet, found: RuleResult
) -> RuleResult:
    """Return the result, or that a grant lifts it."""
    if found.status not in {Status.FAIL, Status.UNKNOWN} or not (grant := granted(package, file, case)):
        return found
    return result(rule, Status.WARN, "granted", found.subject, **(found.params | {"grant": grant, "lifts": found.code}))


def each(rule: str, case: ClosedSet, found: Iterator[RuleResult]) -> Iterator[RuleResult]:
    """Yield what was found; if nothing blocks, a pass that says how many packages were looked at.

    An empty set passes no rule: there was nothing to look at, and that is not clean.
    """
    results = list(found)
    yield from results
    if any(one.status in {Status.FAIL, Status.UNKNOWN} for one in results):
        return
    if not case.resolution.packages:
        yield result(rule, Status.UNKNOWN, "nothing_resolved")
        return
    yield passed(rule, "passed", packages=len(case.resolution.packages))


NOTHING = Explanation(
    reason="the closed set is empty, so nothing was looked at",
    way_out="mend what kept the set from being resolved, and check again",
)
GRANTED = Explanation(
    reason="`{name}` {version} would be refused (`{lifts}`), and the grant {grant} lets these bytes pass",
    way_out="nothing to do until the grant ends",
)
PASSED = Explanation(reason="all {packages} packages of the closed set were looked at", way_out="nothing to do")
COMMON = {"nothing_resolved": NOTHING, "passed": PASSED}
LIFTABLE = COMMON | {"granted": GRANTED}
"""The codes of every rule, and of those whose refusal of a file a grant for its bytes lifts."""
