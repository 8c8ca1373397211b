"""What is declared is pinned to one version, so that tomorrow's installation is the one that was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.policy.rule import Explanation, result
from gate.policy.sets.rule import COMMON, each, params, subject, treated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.model.decision import RuleResult
    from gate.policy.sets.rule import ClosedSet


class Pinned:
    """Every declared package names one version; what others ask for is pinned by a lock file alone."""

    id = "pinned"
    title = "Every declared package is pinned to one version."
    codes: Mapping[str, Explanation] = COMMON | {
        "unpinned": Explanation(
            reason="`{name}` ({declared}) is not pinned: today it is {version}",
            way_out="write `{name}=={version}`, or use the `pylock.toml` that the check can write",
        )
    }

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield a result for every declared package without a pin."""
        yield from each(self.id, case, self._found(case))

    def _found(self, case: ClosedSet) -> Iterator[RuleResult]:
        status = treated(case.demands.unpinned)
        for package in case.resolution.packages:
            if package.declared and not package.pinned and status:
                yield result(self.id, status, "unpinned", subject(package), **params(package))
