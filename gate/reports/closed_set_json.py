"""A closed set as plain data: one of `closed_sets` in the report of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.reports.closed_set_text import excepted, explained

if TYPE_CHECKING:
    from gate.model.decision import RuleResult
    from gate.resolve.judged import JudgedSet


def as_object(judged: JudgedSet) -> dict[str, object]:
    """Return the set and every rule's results with their reasons; packages in order."""
    found = judged.resolution
    failure = judged.failure
    return {
        "definition": judged.definition,
        "verdict": judged.verdict,
        **found.model_dump(mode="json"),
        "closed": found.closed,
        "results": [_result(one) for one in judged.results],
        "advisories": [one.model_dump(mode="json") for one in judged.advisories],
        **({"failure": failure.model_dump(mode="json", include={"code", "message", "hint"})} if failure else {}),
    }


def _result(result: RuleResult) -> dict[str, object]:
    reason, way_out = explained(result)
    exception = excepted(result)
    return {
        "rule": result.rule,
        "status": result.status.value,
        "code": result.code,
        "subject": result.subject,
        "params": result.params,
        "reason": reason,
        "way_out": way_out,
        **({"exception": exception} if exception else {}),
    }
