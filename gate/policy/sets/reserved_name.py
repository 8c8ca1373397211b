"""No private name comes from, or was wanted of, a public index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import Status
from gate.model.origin import Kind
from gate.policy.private import reserved
from gate.policy.rule import Explanation, result
from gate.policy.sets.rule import COMMON, each, params, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.model.decision import RuleResult
    from gate.policy.sets.rule import ClosedSet


class ReservedName:
    """Private names come from the organisation's own indexes alone."""

    id = "reserved-name"
    title = "No private name comes from a public index."
    codes: Mapping[str, Explanation] = COMMON | {
        "reserved_from_public": Explanation(
            reason="`{name}` is a private name, and `{index}` is not an index of the organisation's own",
            way_out="take it from the organisation's index, or give the package another name",
        ),
        "reserved_wanted": Explanation(
            reason="{message} ({where})",
            way_out="name the organisation's index for it; whoever registers the name in public could deliver it else",
        ),
    }

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield a failure for every private name that came from elsewhere, or was withheld."""
        yield from each(self.id, case, self._found(case))

    def _found(self, case: ClosedSet) -> Iterator[RuleResult]:
        private = reserved(case.policy.safelist.reserved_names)
        for package in case.resolution.packages:
            index = package.origin.location
            if package.kind is Kind.PYPI and private(package.name) and index not in case.own_indexes:
                told = params(package) | {"index": index}
                yield result(self.id, Status.FAIL, "reserved_from_public", subject(package), **told)
        for problem in case.resolution.problems:
            if problem.code == "reserved_name":
                where = f"{problem.file}:{problem.line}"
                yield result(self.id, Status.FAIL, "reserved_wanted", where, message=problem.message, where=where)
