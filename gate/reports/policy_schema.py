"""JSON Schema of the policy's files, from the models that read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gate.model.exception import Grant
from gate.policy.schema import DecisionPolicy, Safelist, WorkflowPolicy

if TYPE_CHECKING:
    from pydantic import BaseModel

MODELS: dict[str, tuple[type[BaseModel], str]] = {
    "safelist": (Safelist, "allowlist/safelist.yaml"),
    "policy": (DecisionPolicy, "allowlist/policy.yaml"),
    "workflow": (WorkflowPolicy, "exceptions/workflow.yaml"),
    "grant": (Grant, "exceptions/grants/GRT-….yaml"),
}
"""Each kind of file: its model, and where it lies in a policy folder."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of one kind of file. It says the form; `gate policy check` also holds what no schema says."""
    model, path = MODELS[name]
    head = {"$schema": _DIALECT, "$id": f"urn:gate:schema:policy-{name}", "$comment": f"the form of {path}"}
    return {**head, **model.model_json_schema(mode="validation")}


def render(name: str) -> str:
    """Return the schema as JSON text."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
