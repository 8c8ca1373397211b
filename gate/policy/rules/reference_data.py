"""Reference data beside the advisories, each within its budget of age: known exploited vulnerabilities, conda names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.origin import Kind
from gate.policy.proof import DATA_SKEW
from gate.policy.rule import Case, Explanation, missing, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.finding import DataSnapshot
    from gate.policy.evidence import Freshness

EXPLOITED = "known-exploited"
CONDA_NAMES = "conda-names"


class ReferenceDataFresh:
    """What policy requires and was not used, or is too old, holds the image; else it is a warning."""

    id = "reference-data"
    title = "The findings were held against fresh lists of exploited vulnerabilities and of conda names."
    codes = {  # noqa: RUF012 - read-only by protocol
        "missing": Explanation(
            reason="`{kind}` was not used: none is imported",
            way_out="import it with `gate data update {kind}` or `gate data import {kind} FILE`, then evaluate again",
        ),
        "differs": Explanation(
            reason="`{kind}` was used in {snapshots} versions", way_out="evaluate again: one decision uses one"
        ),
        "too_old": Explanation(
            reason="`{kind}` is from {published_at}, older than policy allows",
            way_out="run `gate data update {kind}`, then evaluate again",
        ),
        "from_the_future": Explanation(
            reason="`{kind}` claims to be from {published_at}, which has not come yet",
            way_out="set the clock right, run `gate data update {kind}`, then evaluate again",
        ),
        "old": Explanation(
            reason="`{kind}` is from {published_at}", way_out="run `gate data update {kind}` before it is too old"
        ),
        "fresh": Explanation(reason="`{kind}` is from {published_at}", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield one result for each kind; the map of conda names is asked for only where there is a conda package."""
        policy = case.policy.decision.findings
        budgets: dict[str, Freshness] = {EXPLOITED: policy.exploited}
        if any(part.kind is Kind.CONDA for part in case.evidence.image.components):
            budgets[CONDA_NAMES] = policy.conda_names
        used: dict[str, set[DataSnapshot]] = {}
        for report in case.evidence.findings.reports:
            for snapshot in report.also:
                used.setdefault(snapshot.kind, set()).add(snapshot)
        for kind, budget in budgets.items():
            yield self._one(kind, sorted(used.get(kind, ()), key=lambda one: one.digest), budget, case)

    def _one(self, kind: str, used: list[DataSnapshot], budget: Freshness, case: Case) -> RuleResult:
        lacking = missing(required=budget.required)
        if len(used) != 1:
            code = "differs" if used else "missing"
            return result(self.id, lacking, code, kind, kind=kind, snapshots=len(used))
        published = used[0].published_at
        age, said = case.now - published, published.isoformat()
        if age < -DATA_SKEW:
            return result(self.id, lacking, "from_the_future", kind, kind=kind, published_at=said)
        if age > budget.hard_age:
            return result(self.id, lacking, "too_old", kind, kind=kind, published_at=said)
        if age > budget.soft_age:
            return result(self.id, Status.WARN, "old", kind, kind=kind, published_at=said)
        return passed(self.id, "fresh", kind=kind, published_at=said)
