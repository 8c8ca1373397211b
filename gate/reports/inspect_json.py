"""What is inside an image as one JSON object, `gate.inspect/1`; its schema is docs/schemas/inspect-1.schema.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gate.model.reference import Severity

if TYPE_CHECKING:
    from gate.model.image import Inventory

SCHEMA = "gate.inspect/1"


def as_object(inventory: Inventory) -> dict[str, object]:
    """Return the inventory as plain data; `readable` says that nothing of it may be lacking."""
    return {"schema": SCHEMA, "readable": is_readable(inventory), **inventory.model_dump(mode="json")}


def render(inventory: Inventory) -> str:
    """Return the JSON text: the same image, the same bytes."""
    return json.dumps(as_object(inventory), indent=2, ensure_ascii=False) + "\n"


def is_readable(inventory: Inventory) -> bool:
    """Say whether everything could be read; if not, nothing may be concluded from what is not listed."""
    return not any(problem.severity is Severity.ERROR for problem in inventory.problems)
