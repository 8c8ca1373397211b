"""Every file of the environment definition was read whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.reference import Severity
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator


class EnvironmentRead:
    """A file that does not parse may hide a line, so nothing passes on it."""

    id = "environment-read"
    title = "The environment definition was read whole."
    codes = {  # noqa: RUF012 - read-only by protocol
        "definition_unreadable": Explanation(
            reason="`{file}` line {line} can't be read: {message}", way_out="mend the file and submit again"
        ),
        "nothing_declared": Explanation(
            reason="the environment definition declares nothing at all",
            way_out="hand in the file from which the image was built (`--environment FILE`)",
        ),
        "environment_read": Explanation(reason="{files} file(s) read, {references} reference(s) declared", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield one result for each problem of reading, or one pass."""
        declared = case.evidence.environment
        problems = [problem for problem in declared.problems if problem.severity is Severity.ERROR]
        for problem in problems:
            yield result(
                self.id,
                Status.UNKNOWN,
                "definition_unreadable",
                f"{problem.file}:{problem.line}",
                file=problem.file,
                line=problem.line,
                message=problem.message,
                problem=problem.code,
            )
        if not declared.references:
            yield result(self.id, Status.UNKNOWN, "nothing_declared")
        elif not problems:
            yield passed(self.id, "environment_read", files=len(declared.files), references=len(declared.references))
