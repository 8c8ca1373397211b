"""The set is closed: nothing was left out, and every package has a file whose bytes are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import Status
from gate.model.reference import Severity
from gate.policy.rule import Explanation, result
from gate.policy.sets.rule import COMMON, each, params, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.model.decision import RuleResult
    from gate.policy.sets.rule import ClosedSet

_WAYS = {
    "unsatisfiable": "loosen or change the requirements that the message names",
    "source_only": "choose a package or a version that is published as a wheel",
    "no_fitting_file": "choose a version that is published for this platform and this Python, or mend the hash",
    "requirement_unreadable": "write it as a name, extras, a version and a marker",
    "not_resolvable": "take it from an index or a channel, or file an exception request for it",
    "origin_undetermined": "mend the line as the check itself says",
    "origin_not_safelisted": "take the way out that the check itself names for this line",
    "reserved_name": "name the organisation's own index for it; policy marks it `private`",
    "declaration_incomplete": "mend what could not be read",
    "python_differs": "state the Python that the environment brings (`--python`), or pin the one that is stated",
    "channel_address_unknown": "set `GATE_CHANNEL_ADDRESSES` to `<channel>=https://…`, or have the channel's `urls` "
    "written into the safelist",
}
"""What to do about each problem of a resolution."""


class SetClosed:
    """Every declared package was resolved, and what would be installed is known by its digest."""

    id = "set-closed"
    title = "Every declared package was resolved to a file whose digest is known."
    codes: Mapping[str, Explanation] = (
        COMMON
        | {code: Explanation(reason="{message} ({where})", way_out=way) for code, way in _WAYS.items()}
        | {
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
    )

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield an unknown for every problem of the resolution, and for every package without known bytes."""
        yield from each(self.id, case, self._found(case))

    def _found(self, case: ClosedSet) -> Iterator[RuleResult]:
        for problem in case.resolution.problems:
            if problem.severity is Severity.ERROR:
                where = f"{problem.file}:{problem.line}" if problem.line else problem.file
                told = {"message": problem.message, "where": where, "problem": problem.code}
                code = problem.code if problem.code in _WAYS else "not_closed"
                yield result(self.id, Status.UNKNOWN, code, where, **told)
        for package in case.resolution.packages:
            if not package.files:
                yield result(self.id, Status.UNKNOWN, "file_missing", subject(package), **params(package))
            elif not all(file.sha256 for file in package.files):
                yield result(self.id, Status.UNKNOWN, "digest_unknown", subject(package), **params(package))
