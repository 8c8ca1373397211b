"""No file of the set was yanked (PEP 592)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import Status
from gate.policy.rule import Explanation, result
from gate.resolve.rules.rule import COMMON, each, params, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.model.decision import RuleResult
    from gate.resolve.rules.rule import ClosedSet


class Yanked:
    """Nothing that its maintainers withdrew is installed; installers only warn of it where it is pinned."""

    id = "yanked"
    title = "no file of the closed set was yanked"
    codes: Mapping[str, Explanation] = COMMON | {
        "yanked": Explanation(
            reason="`{name}` {version} was yanked by its maintainers{because}",
            way_out="pin another version; the one before or after is there for this",
        )
    }

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield a failure for every yanked file."""
        yield from each(self.id, case, self._found(case))

    def _found(self, case: ClosedSet) -> Iterator[RuleResult]:
        for package in case.resolution.packages:
            for file in package.files:
                if file.yanked is not None:
                    because = f": {file.yanked}" if file.yanked else ""
                    told = params(package) | {"because": because, "file": file.filename}
                    yield result(self.id, Status.FAIL, "yanked", subject(package), **told)
