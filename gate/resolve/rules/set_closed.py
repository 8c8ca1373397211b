"""The set is closed: nothing was left out, and every package has a file whose bytes are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import Status
from gate.model.reference import Severity
from gate.policy.rule import Explanation, result
from gate.resolve.rules.rule import COMMON, each, params, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.model.decision import RuleResult
    from gate.resolve.rules.rule import ClosedSet


class SetClosed:
    """Every declared package was resolved, and what would be installed is known by its digest."""

    id = "set-closed"
    title = "every declared package was resolved to a file whose digest is known"
    codes: Mapping[str, Explanation] = COMMON | {
        "not_closed": Explanation(
            reason="{message} ({where})",
            way_out="change the line, or file an exception request for what comes from elsewhere",
        ),
        "file_missing": Explanation(
            reason="`{name}` {version} has no file that the platform could install",
            way_out="choose a version that is published for this platform and this Python",
        ),
        "digest_unknown": Explanation(
            reason="the origin does not say the sha256 of `{name}` {version}",
            way_out="use an index or a channel that publishes digests",
        ),
    }

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield a failure for every problem of the resolution, and for every package without known bytes."""
        yield from each(self.id, case, self._found(case))

    def _found(self, case: ClosedSet) -> Iterator[RuleResult]:
        for problem in case.resolution.problems:
            if problem.severity is Severity.ERROR:
                where = f"{problem.file}:{problem.line}"
                told = {"message": problem.message, "where": where, "problem": problem.code}
                yield result(self.id, Status.UNKNOWN, "not_closed", where, **told)
        for package in case.resolution.packages:
            if not package.files:
                yield result(self.id, Status.UNKNOWN, "file_missing", subject(package), **params(package))
            elif not all(file.sha256 for file in package.files):
                yield result(self.id, Status.UNKNOWN, "digest_unknown", subject(package), **params(package))
