"""What was declared was resolved for the image, and what of the closed set lies in it passes the rules of such sets."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from gate.model.base import format_instant
from gate.model.decision import RuleResult, Status
from gate.model.reference import Severity
from gate.model.resolution import MENDS_UNKNOWN
from gate.policy.rule import Case, Explanation, missing, passed, result
from gate.policy.sets import ALL as SET_RULES
from gate.policy.sets.pinned import Pinned
from gate.policy.sets.rule import PACKAGES, ClosedSet
from gate.policy.versions import same_version
from gate.policy.words import Demand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.reference import Problem
    from gate.model.resolution import Resolution, ResolvedPackage

ASKED = tuple(rule for rule in SET_RULES if rule.id != Pinned.id)
"""The rules of closed sets that are asked of an image; it is built, so that it can't be another one tomorrow."""

LEFT_OUT = frozenset(
    {"not_resolvable", "origin_undetermined", "origin_not_safelisted", "reserved_name", "declaration_incomplete"}
)
"""Problems of references that other rules judge where they are declared, and that nothing here can mend."""

_HARM = frozenset({"quarantined"})
"""What is refused whatever policy demands of evaluations: it is no lack of knowledge but a warning of harm."""

_MOST = 100
"""Results of the set's rules that are told one by one."""


class DeclaredResolved:
    """The image is what an installation of the definition would bring, or nobody could tell and that is said."""

    id = "declared-resolved"
    title = "What was declared was resolved for the image, and what of that lies in it passes the rules of closed sets."
    codes = {  # noqa: RUF012 - read-only by protocol
        "not_asked": Explanation(reason="policy has nothing resolved in evaluations", way_out=""),
        "not_resolved": Explanation(
            reason="nobody resolved what was declared for this image",
            way_out="evaluate again: the evidence was gathered by an older version",
        ),
        "set_old": Explanation(
            reason="what was declared was resolved at {resolved_at}, and the decision is of {now}",
            way_out="evaluate again; if the time is still to come, look at the clocks of those who gather and decide",
        ),
        "resolver_failed": Explanation(
            reason="what was declared could not be resolved for this image: {message} [{failure}]",
            way_out="{hint}; then evaluate again",
        ),
        "nothing_declared": Explanation(
            reason="the definition declares no package, so that there is nothing to resolve", way_out=""
        ),
        "nothing_resolved": Explanation(
            reason="the definition declares packages, and nothing of it is for {platform} and Python {python}",
            way_out="hand in the definition that the image was built from, or look at its markers",
        ),
        "set_partial": Explanation(
            reason="{count} declared package(s) can't be part of a closed set ({where}), so the image was not held"
            " against it",
            way_out="no action is demanded here: they are judged where they are declared",
        ),
        MENDS_UNKNOWN: Explanation(
            reason="{message}",
            way_out="evaluate again; import advisories (`gate data update`) if there are none",
        ),
        "more": Explanation(reason="{count} more result(s) about the closed set are not told", way_out="see the first"),
        "resolved": Explanation(
            reason="{packages} package(s) were resolved for {platform} and Python {python} at {resolved_at}; {inside}"
            " of them lie in the image in that version",
            way_out="",
        ),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield what was made of resolving, and what the rules of closed sets say of what lies in the image."""
        demand, found = case.policy.decision.resolution.evaluations, case.evidence.resolved
        if demand is Demand.NEVER:
            yield passed(self.id, "not_asked")
            return
        lacking = missing(required=demand is Demand.REQUIRED)
        if found is None:
            yield result(self.id, lacking, "not_resolved")
        elif found.failure is not None:
            failure = found.failure
            hint = failure.hint or "mend that"
            yield result(
                self.id, lacking, "resolver_failed", failure=failure.code, message=failure.message[:500], hint=hint
            )
        elif found.resolution is not None:
            answers = list(self._judged(case, found.resolution))
            yield from (_capped(one, demand) for one in answers[:_MOST])
            if len(answers) > _MOST:
                worst = {_capped(one, demand).status for one in answers[_MOST:]}
                status = next(one for one in (Status.FAIL, Status.UNKNOWN, Status.WARN) if one in worst)
                yield result(self.id, status, "more", count=len(answers) - _MOST)
            yield from self._whole(case, found.resolution, answers, lacking)

    def _whole(
        self, case: Case, resolution: Resolution, answers: list[RuleResult], lacking: Status
    ) -> Iterator[RuleResult]:
        """Yield what the set itself is worth: a pass if it was resolved and nothing of it objects."""
        told = {"platform": resolution.platform, "python": resolution.python}
        left_out = [one for one in resolution.problems if _is_left_out(one)]
        if left_out:
            where = ", ".join(dict.fromkeys(f"{one.file}:{one.line}" for one in left_out[:10]))
            yield result(self.id, Status.WARN, "set_partial", count=len(left_out), where=where)
        for problem in (one for one in resolution.problems if one.code == MENDS_UNKNOWN):
            yield result(self.id, Status.WARN, MENDS_UNKNOWN, message=problem.message)
        instant = format_instant(resolution.resolved_at)
        if not timedelta(0) <= case.now - resolution.resolved_at <= case.policy.decision.resolution.max_age:
            yield result(self.id, lacking, "set_old", resolved_at=instant, now=format_instant(case.now))
            return
        if answers:
            return
        if resolution.packages:
            counts = {"packages": len(resolution.packages), "inside": len(inside(case, resolution))}
            yield passed(self.id, "resolved", resolved_at=instant, **counts, **told)
        elif not left_out:
            declared = any(one.kind in PACKAGES for one in case.evidence.environment.references)
            yield (
                result(self.id, lacking, "nothing_resolved", **told)
                if declared
                else passed(self.id, "nothing_declared")
            )

    def _judged(self, case: Case, resolution: Resolution) -> Iterator[RuleResult]:
        """Ask the set's rules about what of it lies in the image, and of what kept it from being resolved."""
        own = frozenset(index.name for index in case.policy.safelist.python_indexes if index.private)
        found = case.evidence.resolved
        narrowed = resolution.model_copy(
            update={
                "packages": tuple(inside(case, resolution)),
                "problems": tuple(one for one in resolution.problems if not _is_left_out(one)),
            }
        )
        closed = ClosedSet(
            resolution=narrowed,
            policy=case.policy,
            demands=case.policy.decision.resolution,
            now=case.now,
            grants=case.evidence.exceptions.grants,
            blocking=found.mends if found is not None else (),
            own_indexes=own,
            repository=case.evidence.repository,
        )
        for rule in ASKED:
            # An empty set passes no rule; that nothing of it lies in the image is for the comparison to tell.
            yield from (one for one in rule.check(closed) if one.status is not Status.PASS and one.code != _EMPTY)


_EMPTY = "nothing_resolved"


def inside(case: Case, resolution: Resolution) -> list[ResolvedPackage]:
    """Return the packages of the set that lie in the image in the version of the set, whichever manager brought them.

    What lies there in another version, or not at all, is for the rule `drift` to tell.
    """
    there: dict[str, set[str]] = defaultdict(set)
    for component in case.evidence.image.components:
        there[canonicalize_name(component.name)].add(component.version)
    return [
        one
        for one in resolution.packages
        if any(same_version(version, one.version) for version in there[canonicalize_name(one.name)])
    ]


def _is_left_out(problem: Problem) -> bool:
    return problem.severity is Severity.ERROR and problem.code in LEFT_OUT


def _capped(answer: RuleResult, demand: Demand) -> RuleResult:
    """Return the result, as a warning where policy takes the closed set for advice."""
    if demand is Demand.REQUIRED or answer.code in _HARM or answer.status is Status.WARN:
        return answer
    return answer.model_copy(update={"status": Status.WARN})
