"""Every declared reference comes from a safelisted origin or is granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.origin import Disposition
from gate.policy.dispose import origin_allowed
from gate.policy.explain import DISPOSITIONS
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.reference import Source


class DeclaredOrigin:
    """Undetermined blocks: what can't be told is not taken for right."""

    id = "declared-origin"
    title = "Every declared reference comes from a safelisted origin or is granted."
    codes = {  # noqa: RUF012 - read-only by protocol
        **DISPOSITIONS,
        "source_not_safelisted": Explanation(
            reason="`{where}` puts {origins} in scope, which is not safelisted",
            way_out="remove the line, or bind the place to names that are granted",
        ),
        "all_declared": Explanation(reason="{safelisted} safelisted, {granted} granted", way_out=""),
        "counts_differ": Explanation(
            reason="{references} reference(s) were declared and {disposed} disposed of",
            way_out="report this: the gate lost count and passes nothing",
        ),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield one result for each reference that is neither safelisted nor granted, or one pass."""
        declared = len(case.evidence.environment.references)
        if declared != len(case.references):
            yield result(self.id, Status.UNKNOWN, "counts_differ", references=declared, disposed=len(case.references))
        refused = [
            (reference, disposed)
            for reference, disposed in zip(case.evidence.environment.references, case.references, strict=False)
            if disposed.disposition in {Disposition.BLOCKED, Disposition.UNDETERMINED}
        ]
        for reference, disposed in refused:
            yield result(
                self.id,
                Status.FAIL,
                disposed.code,
                f"{disposed.kind.value}/{disposed.name}",
                disposed.request,
                name=disposed.name,
                version=disposed.version,
                where=disposed.where,
                origins=", ".join(origin.location for origin in reference.origins),
            )
        sources = _uncovered(case)
        for source in sources:
            where = f"{source.file}:{source.line}"
            yield result(
                self.id, Status.FAIL, "source_not_safelisted", where, where=where, origins=source.origin.location
            )
        if not refused and not sources and declared == len(case.references):
            granted = sum(disposed.disposition is Disposition.GRANTED for disposed in case.references)
            yield passed(self.id, "all_declared", safelisted=declared - granted, granted=granted)


def _uncovered(case: Case) -> list[Source]:
    """Return the places in scope that are not safelisted and deliver anything but what is granted."""
    uncovered = []
    for source in case.evidence.environment.sources:
        if origin_allowed(source.origin, case.policy.safelist):
            continue
        through = [
            disposed.disposition
            for reference, disposed in zip(case.evidence.environment.references, case.references, strict=False)
            if source.origin in reference.origins
        ]
        if not through or any(disposition is not Disposition.GRANTED for disposition in through):
            uncovered.append(source)
    return uncovered
