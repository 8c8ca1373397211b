"""The policy in force as one JSON object, `gate.policy-show/1`; durations in seconds, as its digest has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gate.policy.ruleset import RULESET

if TYPE_CHECKING:
    from gate.reports.policy_shown import ShownPolicy

SCHEMA = "gate.policy-show/1"


def render(shown: ShownPolicy) -> str:
    """Return the JSON text."""
    content = {
        "schema": SCHEMA,
        "named_by": shown.named_by.strip("`"),
        "folder": str(shown.folder),
        "digest": shown.policy.fingerprint(),
        "ruleset": RULESET,
        "policy": shown.policy.model_dump(mode="json"),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
