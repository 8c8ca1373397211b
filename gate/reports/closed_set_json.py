"""A closed set as plain data: one of `closed_sets` in the report of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.reports.closed_set_text import explained

if TYPE_CHECKING:
    from gate.resolve.judged import JudgedSet


def as_object(judged: JudgedSet) -> dict[str, object]:
    """Return the set and every rule's results with their reasons; packages in order."""
    resolution = judged.resolution.model_dump(mode="json")
    results = [
        one.model_dump(mode="json") | dict(zip(("reason", "way_out"), explained(one), strict=True))
        for one in judged.results
    ]
    head = {"definition": judged.definition, "verdict": judged.verdict}
    return head | resolution | {"closed": judged.resolution.closed, "results": results}
