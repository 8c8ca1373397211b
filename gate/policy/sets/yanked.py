"""No file of the set was yanked (PEP 592)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.policy.rule import Explanation, result
from gate.policy.sets.rule import LIFTABLE, each, lifted, params, subject, treated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.model.decision import RuleResult
    from gate.policy.sets.rule import ClosedSet


class Yanked:
    """Nothing that its maintainers withdrew is installed; installers only warn of it where it is pinned."""

    id = "yanked"
    title = "No file of the closed set was yanked."
    codes: Mapping[str, Explanation] = LIFTABLE | {
        "yanked": Explanation(
            reason="`{name}` {version} was yanked by its maintainers{because}",
            way_out="pin another version (the one before or after is there for this), or file an exception request",
        )
    }

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield a failure for every yanked file."""
        yield from each(self.id, case, self._found(case))

    def _found(self, case: ClosedSet) -> Iterator[RuleResult]:
        status = treated(case.demands.yanked)
        for package in case.resolution.packages if status else ():
            for file in package.files:
                if file.yanked is not None and status:
                    because = f": {file.yanked}" if file.yanked else ""
                    told = params(package) | {"because": because, "file": file.filename}
                    found = result(self.id, status, "yanked", subject(package), **told)
                    yield lifted(self.id, package, file, case, found)
