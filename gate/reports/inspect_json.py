"""What is inside an image as one JSON object: `gate.inspect/1`, or `gate.inspect-index/1` for an index of several.

Their schemas are docs/schemas/inspect-1.schema.json and docs/schemas/inspect-index-1.schema.json.
"""

from __future__ import annotations

import json
from typing import Any

from gate.model.image import IndexFacts, Inventory
from gate.model.quiet import quiet_json
from gate.reports.inspected import Inspected, is_readable

SCHEMA = "gate.inspect/1"
INDEX_SCHEMA = "gate.inspect-index/1"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_READABLE = {"type": "boolean", "description": "No problem is an error."}


def as_object(inventory: Inventory, index: IndexFacts | None = None) -> dict[str, object]:
    """Return the inventory as plain data; `readable` says that nothing of it may be lacking."""
    head = {"schema": SCHEMA, "readable": is_readable(inventory)}
    return {**head, **inventory.model_dump(mode="json"), "index": index.model_dump(mode="json") if index else None}


def schema() -> dict[str, object]:
    """Return the JSON schema of an object about one image, made from the values themselves."""
    definitions, index = _index()
    document = Inventory.model_json_schema(mode="serialization")
    head = {"schema": {"const": SCHEMA}, "readable": _READABLE}
    tail = {"index": {"anyOf": [index, {"type": "null"}], "description": "The index that led to the image."}}
    return {
        **document,
        "$schema": _DIALECT,
        "$defs": document["$defs"] | definitions,
        "title": "What is inside an image",
        "properties": {**head, **document["properties"], **tail},
        "required": ["schema", "readable", *document["properties"], "index"],
    }


def index_schema() -> dict[str, object]:
    """Return the JSON schema of an object about an index of several images."""
    definitions, index = _index()
    one = schema()
    defined = one.pop("$defs")
    del one["$schema"]
    image = {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/Image"}}
    properties = {"schema": {"const": INDEX_SCHEMA}, "readable": _READABLE, "index": index, "images": image}
    return {
        "$schema": _DIALECT,
        "title": "What is inside the images of an index",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(properties),
        "$defs": {**defined, **definitions, "Image": one},  # type: ignore[dict-item] # `$defs` of the schema above
    }


def render(found: Inspected) -> str:
    """Return the JSON text: the same image, the same bytes."""
    document: dict[str, object]
    if found.index is not None and len(found.images) > 1:
        images = [as_object(inventory, found.index) for inventory in found.images]
        index = found.index.model_dump(mode="json")
        document = {"schema": INDEX_SCHEMA, "readable": found.readable, "index": index, "images": images}
    else:
        document = as_object(found.only(), found.index)
    return quiet_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def _index() -> tuple[dict[str, Any], dict[str, Any]]:
    document = IndexFacts.model_json_schema(mode="serialization")
    return document.pop("$defs") | {"IndexFacts": document}, {"$ref": "#/$defs/IndexFacts"}
