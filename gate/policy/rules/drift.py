"""The image is what was declared, and what that resolves to."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.drift import DriftAgainst, DriftKind
from gate.policy.rule import Case, Explanation, passed, result
from gate.policy.words import Demand, Treatment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.drift import Difference
    from gate.policy.schema import DriftPolicy

_STATUS = {Treatment.WARN: Status.WARN, Treatment.BLOCK: Status.FAIL}
_NAMED = 50
"""Differences of one kind that have a result of their own; the others are counted in one."""


class NoDrift:
    """A definition that does not tell what is in the image misleads whoever reads it; the origin is judged apart."""

    id = "drift"
    title = "The image holds what was declared and what that resolves to, in those versions and from those places."
    codes = {  # noqa: RUF012 - read-only by protocol
        "not_compared": Explanation(
            reason="nobody compared the image with what was declared",
            way_out="evaluate again: the evidence was gathered by an older version",
        ),
        "undeclared": Explanation(
            reason="{kind} `{name}` {found} is in the image ({where}), and nothing that was declared asks for it",
            way_out="declare it, or leave it out of the image",
        ),
        "missing": Explanation(
            reason="{kind} `{name}` ({wanted}) was {against} ({where}) and is not in the image",
            way_out="install the environment that you hand in, or hand in the one that you installed",
        ),
        "other_version": Explanation(
            reason="{kind} `{name}` is {found} in the image, and {wanted} was {against} ({where})",
            way_out="install the environment that you hand in, or hand in the one that you installed; pin its versions",
        ),
        "other_origin": Explanation(
            reason="{kind} `{name}` is from {found} in the image, and was declared from {wanted} ({where})",
            way_out="declare it from where it is installed, or install it from where it is declared",
        ),
        "vendored": Explanation(
            reason="`{name}` lies inside `{wanted}` ({where}), which brought its own copy along",
            way_out="take a release of it that carries no copies, or have policy let them pass (`drift.vendored`)",
        ),
        "more": Explanation(
            reason="{count} more difference(s) of the kind `{difference}` from what was {against} are not named",
            way_out="see the evidence",
        ),
        "no_drift": Explanation(
            reason="{declared} declared, {resolved} resolved and {observed} observed package(s) compared, {unjudged}"
            " could not be; {allowed} difference(s) that policy lets pass",
            way_out="",
        ),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield a result for each difference that policy does not let pass, or one pass."""
        drift, policy = case.evidence.image.drift, case.policy.decision.drift
        if drift is None:
            strict = Treatment.BLOCK in {treatment_of(policy, kind) for kind in DriftKind}
            yield result(self.id, Status.UNKNOWN if strict else Status.WARN, "not_compared")
            return
        allowed, clean = drift.total - len(drift.differences), True
        required = case.policy.decision.resolution.evaluations is Demand.REQUIRED
        by_kind: dict[tuple[DriftKind, DriftAgainst], list[Difference]] = defaultdict(list)
        for difference in drift.differences:
            by_kind[difference.kind, difference.against].append(difference)
        for (kind, against), differences in by_kind.items():
            treatment = treatment_of(policy, kind)
            if treatment is Treatment.ALLOW:
                allowed += len(differences)
                continue
            clean = False
            advice = against is DriftAgainst.RESOLVED and not required
            status = Status.WARN if advice else _STATUS[treatment]
            yield from (self._about(one, status) for one in differences[:_NAMED])
            if len(differences) > _NAMED:
                yield result(
                    self.id,
                    status,
                    "more",
                    difference=kind.value,
                    against=against.value,
                    count=len(differences) - _NAMED,
                )
        if clean:
            counts = {name: getattr(drift, name) for name in ("declared", "resolved", "observed", "unjudged")}
            yield passed(self.id, "no_drift", allowed=allowed, **counts)

    def _about(self, one: Difference, status: Status) -> RuleResult:
        return result(
            self.id,
            status,
            one.kind.value,
            f"{one.component.value}/{one.name}",
            kind=one.component.value,
            name=one.name,
            wanted=one.wanted,
            found=one.found,
            where=one.where,
            against=one.against.value,
        )


def treatment_of(policy: DriftPolicy, kind: DriftKind) -> Treatment:
    """Return what policy makes of a kind of difference."""
    match kind:
        case DriftKind.UNDECLARED:
            return policy.undeclared
        case DriftKind.MISSING:
            return policy.missing
        case DriftKind.OTHER_VERSION:
            return policy.other_version
        case DriftKind.OTHER_ORIGIN:
            return policy.other_origin
        case DriftKind.VENDORED:
            return policy.vendored
