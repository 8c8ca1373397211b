"""No project of the set is quarantined or archived (PEP 792)."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from gate.model.decision import Status
from gate.model.resolution import ProjectStatus
from gate.policy.rule import Explanation, result
from gate.policy.sets.rule import LIFTABLE, each, lifted, params, subject, treated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.model.decision import RuleResult
    from gate.policy.sets.rule import ClosedSet


class ProjectStatusRule:
    """The index says of no project that it is quarantined or archived; not every mirror says anything."""

    id = "project-status"
    title = "No project of the closed set is quarantined or archived."
    codes: Mapping[str, Explanation] = LIFTABLE | {
        "quarantined": Explanation(
            reason="the index holds `{name}` in quarantine: it is suspected of harm{because}",
            way_out="do without it; do not wait for it, and look at machines that have it",
        ),
        "archived": Explanation(
            reason="`{name}` is archived: nobody will mend it{because}",
            way_out="move to what replaces it, or file an exception request for the file",
        ),
        "deprecated": Explanation(
            reason="`{name}` is deprecated{because}", way_out="move to what its maintainers name instead"
        ),
        "status_unknown": Explanation(
            reason="the index says of `{name}` that it is `{word}`, a word that the gate does not know",
            way_out="look at the project, and update the gate",
        ),
    }

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield a result for every project whose status is more than active."""
        yield from each(self.id, case, self._found(case))

    def _found(self, case: ClosedSet) -> Iterator[RuleResult]:
        for package in case.resolution.packages:
            status: Status | None
            because = f": {package.status_reason}" if package.status_reason else ""
            told = params(package) | {"because": because, "word": package.status_word}
            match package.status:
                case ProjectStatus.ACTIVE | ProjectStatus.UNSAID:
                    continue
                case ProjectStatus.QUARANTINED:
                    status, code = Status.FAIL, "quarantined"
                case ProjectStatus.ARCHIVED:
                    status, code = treated(case.demands.archived), "archived"
                case ProjectStatus.DEPRECATED:
                    status, code = treated(case.demands.deprecated), "deprecated"
                case ProjectStatus.UNKNOWN:
                    status, code = Status.UNKNOWN, "status_unknown"
                case _:
                    assert_never(package.status)
            if status is None:
                continue
            found = result(self.id, status, code, subject(package), **told)
            # Suspected of harm is no matter of policy, and a grant for the bytes was given before the suspicion.
            file = next(iter(package.files), None)
            yield found if code == "quarantined" else lifted(self.id, package, file, case, found)
