"""What is inside an image as one JSON object, `gate.inspect/1`; its schema is docs/schemas/inspect-1.schema.json."""

from __future__ import annotations

import json

from gate.model.image import Inventory
from gate.model.quiet import quiet_json
from gate.model.reference import Severity

SCHEMA = "gate.inspect/1"


def as_object(inventory: Inventory) -> dict[str, object]:
    """Return the inventory as plain data; `readable` says that nothing of it may be lacking."""
    return {"schema": SCHEMA, "readable": is_readable(inventory), **inventory.model_dump(mode="json")}


def schema() -> dict[str, object]:
    """Return the JSON schema of what `as_object` gives, made from the values themselves."""
    document = Inventory.model_json_schema(mode="serialization")
    head = {"schema": {"const": SCHEMA}, "readable": {"type": "boolean", "description": "No problem is an error."}}
    return {
        **document,
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What is inside an image",
        "properties": {**head, **document["properties"]},
        "required": ["schema", "readable", *document["properties"]],
    }


def render(inventory: Inventory) -> str:
    """Return the JSON text: the same image, the same bytes."""
    return quiet_json(json.dumps(as_object(inventory), indent=2, ensure_ascii=False)) + "\n"


def is_readable(inventory: Inventory) -> bool:
    """Say whether everything could be read; if not, nothing may be concluded from what is not listed."""
    return not any(problem.severity is Severity.ERROR for problem in inventory.problems)
