"""An evaluation as one JSON object; `docs/schemas/evaluation-1.schema.json` is its contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gate.model.quiet import quiet_json

if TYPE_CHECKING:
    from gate.account import Account


def render(account: Account) -> str:
    """Return the object, indented, with `schema` first."""
    return quiet_json(json.dumps(account.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False)) + "\n"
