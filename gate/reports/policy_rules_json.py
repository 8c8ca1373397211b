"""The rules as one JSON object, `gate.policy-rules/1`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gate.policy.ruleset import RULESET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.reports.policy_shown import RulePage

SCHEMA = "gate.policy-rules/1"


def render(pages: Sequence[RulePage]) -> str:
    """Return the JSON text, rules in the order of a report."""
    rules = [
        {
            "id": page.id,
            "title": page.title,
            "why": page.why,
            "codes": [
                {"code": code, "reason": explanation.reason, "way_out": explanation.way_out}
                for code, explanation in page.codes.items()
            ],
        }
        for page in pages
    ]
    return json.dumps({"schema": SCHEMA, "ruleset": RULESET, "rules": rules}, indent=2, ensure_ascii=False) + "\n"
