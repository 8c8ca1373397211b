"""The same environment as it is today: what it would be without the files that are still cooling off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.origin import Kind
from gate.resolve.closed import closed_set
from gate.resolve.names import is_pinned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gate.model.reference import Declared, Reference
    from gate.model.resolution import Resolution, ResolvedPackage
    from gate.policy.schema import Policy
    from gate.resolve.judged import JudgedSet
    from gate.resolve.settings import ResolveConfig


def cooling(judged: JudgedSet) -> tuple[ResolvedPackage, ...]:
    """Return the packages of a judged set that are refused for their age alone."""
    young = {one.subject for one in judged.results if one.code == "too_young"}
    return tuple(one for one in judged.resolution.packages if f"{one.kind.value}:{one.name}@{one.version}" in young)


def older_set(
    declared: Declared, young: Sequence[ResolvedPackage], policy: Policy, judged: JudgedSet, config: ResolveConfig
) -> Resolution:
    """Resolve the definition again as an installation would that took nothing still cooling off.

    A pin of a young version is read as anything below it, for that is what the pin replaces.

    Raises:
        UpstreamError, BoundError, GateError: as `closed_set`.
    """
    asked = judged.resolution
    newest: datetime = asked.resolved_at - policy.decision.resolution.cooling_off
    return closed_set(
        _below(declared, young),
        policy,
        platform=asked.platform,
        python=asked.python,
        now=asked.resolved_at,
        config=config,
        newest=newest,
    )


def _below(declared: Declared, young: Sequence[ResolvedPackage]) -> Declared:
    versions = {(one.kind, one.name): one.version for one in young}
    references = tuple(_lowered(one, versions.get((one.kind, one.name), "")) for one in declared.references)
    return declared.model_copy(update={"references": references})


def _lowered(reference: Reference, version: str) -> Reference:
    if not version or reference.kind not in {Kind.PYPI, Kind.CONDA}:
        return reference
    kept = reference.kind is Kind.PYPI and reference.spec.strip() and not is_pinned(reference)
    spec = f"{reference.spec.strip()},<{version}" if kept else f"<{version}"
    return reference.model_copy(update={"spec": spec, "hashes": ()})
