"""Every component in the image has a proven, allowed origin or is granted by its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.origin import Disposition
from gate.policy.explain import DISPOSITIONS
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator


class ComponentOrigin:
    """A look-up that failed for outside reasons holds; everything else that is not proved is refused."""

    id = "component-origin"
    title = "Every component in the image comes from a safelisted origin or is granted by its bytes."
    codes = {  # noqa: RUF012 - read-only by protocol
        **DISPOSITIONS,
        "all_proved": Explanation(reason="{safelisted} safelisted, {granted} granted", way_out=""),
        "counts_differ": Explanation(
            reason="{components} component(s) were found and {disposed} disposed of",
            way_out="report this: the gate lost count and passes nothing",
        ),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield one result for each component that is neither safelisted nor granted, or one pass."""
        components = case.evidence.image.components
        if len(components) != len(case.components):
            yield result(
                self.id,
                Status.UNKNOWN,
                "counts_differ",
                components=len(components),
                disposed=len(case.components),
            )
        refused = 0
        for component, disposed in zip(components, case.components, strict=False):
            if disposed.disposition in {Disposition.SAFELISTED, Disposition.GRANTED}:
                continue
            refused += 1
            proof = component.proof
            transient = proof is not None and proof.transient and disposed.disposition is Disposition.UNDETERMINED
            yield result(
                self.id,
                Status.UNKNOWN if transient else Status.FAIL,
                disposed.code,
                f"{disposed.kind.value}/{disposed.name}@{disposed.version}",
                "" if transient else disposed.request,
                name=disposed.name,
                version=disposed.version,
                where=disposed.where,
                layer=component.layer,
                origins=_place(component.direct_url, proof.origin.location if proof and proof.origin else ""),
            )
        if not refused and len(components) == len(case.components):
            granted = sum(disposed.disposition is Disposition.GRANTED for disposed in case.components)
            yield passed(self.id, "all_proved", safelisted=len(components) - granted, granted=granted)


def _place(direct_url: str, origin: str) -> str:
    return direct_url or origin or "unknown"
