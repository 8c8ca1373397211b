"""Nothing of the set has to be built where wheels are demanded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import Status
from gate.model.resolution import FileKind
from gate.policy.rule import Explanation, result
from gate.policy.sets.rule import COMMON, each, params, subject, treated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.model.decision import RuleResult
    from gate.policy.sets.rule import ClosedSet


class WheelsOnly:
    """Installing runs no code of a package: a source distribution runs its build wherever it is installed."""

    id = "wheels-only"
    title = "Nothing of the closed set has to be built."
    codes: Mapping[str, Explanation] = COMMON | {
        "source_distribution": Explanation(
            reason="`{name}` {version} would be built from `{file}`, which runs its code",
            way_out="choose a version with a wheel, or have the package steward build one and file an exception for it",
        ),
        "source_only": Explanation(
            reason="{message} ({where})",
            way_out="choose another package, or have the package steward build a wheel and file an exception for it",
        ),
    }

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield a result for every source distribution, and for every project that has nothing else."""
        yield from each(self.id, case, self._found(case))

    def _found(self, case: ClosedSet) -> Iterator[RuleResult]:
        status = treated(case.demands.source_distributions)
        for package in case.resolution.packages:
            for file in package.files:
                if file.kind is FileKind.SDIST and status:
                    told = params(package) | {"file": file.filename}
                    yield result(self.id, status, "source_distribution", subject(package), **told)
        for problem in case.resolution.problems:
            if problem.code == "source_only":
                where = f"{problem.file}:{problem.line}"
                yield result(self.id, Status.FAIL, "source_only", where, message=problem.message, where=where)
