"""The documents that are made from the code: what `make docs` writes, and what the committed files are held to."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from gate import bounds
from gate.account import Account
from gate.bounds import GIB, KIB, MIB
from gate.config import KEYS
from gate.findings.proof.interface import FiledScan
from gate.policy.schema import Policy
from gate.reports import inspect_json, policy_rules_json, policy_rules_markdown, policy_schema, policy_show_json
from gate.reports.policy_shown import rule_pages
from gate.reports.retirement import RetirementReport

ROOT = Path(__file__).parents[2]

_HEAD = """\
<!-- Made by `make docs` from `gate/config.py` and `gate/bounds.py`; a test holds it to the code. -->

# Configuration

Settings come from the environment and nowhere else. What decides is policy and has files of its own:
`gate policy show` says which are in force. An unknown `GATE_BOUND_…` is an error, as a typo would leave the default.

| key | meaning |
|---|---|
"""
_BOUNDS = """
## Bounds

Every read of the outside world is bounded. Hitting a bound is an error with a code and never a shorter list that looks
whole.
"""
_TEXT = {"type": "string"}
_WORDS = {"type": "string", "minLength": 1}
_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_SHOW = {
    "named_by": _WORDS,
    "folder": _WORDS,
    "digest": _DIGEST,
    "ruleset": _DIGEST,
    "policy": {"$ref": "#/$defs/Policy"},
}
_CODE = {"code": _WORDS, "reason": _WORDS, "way_out": _TEXT}
_UNITS = ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"))


def _list(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": _object(properties)}


def documents() -> dict[str, str]:
    """Return every made file by its path in the project."""
    pages = policy_rules_markdown.files_of(rule_pages())
    schemas = {f"docs/schemas/policy-{name}.schema.json": policy_schema.render(name) for name in policy_schema.MODELS}
    return {
        "docs/configuration.md": configuration(),
        **{f"docs/rules/{name}": text for name, text in pages.items()},
        **schemas,
        "docs/schemas/policy-show-1.schema.json": _schema(policy_show_json.SCHEMA, _SHOW),
        "docs/schemas/policy-rules-1.schema.json": _schema(policy_rules_json.SCHEMA, _rules()),
        "docs/schemas/inspect-1.schema.json": _text(inspect_json.schema()),
        "docs/schemas/inspect-index-1.schema.json": _text(inspect_json.index_schema()),
        "docs/schemas/scan-1.schema.json": _text(FiledScan.model_json_schema(mode="serialization", by_alias=True)),
        "docs/schemas/retirement-1.schema.json": _text(
            RetirementReport.model_json_schema(mode="serialization", by_alias=True)
        ),
        "docs/schemas/evaluation-1.schema.json": _text(Account.model_json_schema(mode="serialization", by_alias=True)),
    }


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rules() -> dict[str, Any]:
    rule = {"id": _WORDS, "title": _WORDS, "why": _WORDS, "codes": _list(_CODE)}
    return {"ruleset": _DIGEST, "rules": _list(rule)}


def _schema(name: str, properties: dict[str, Any]) -> str:
    """Return the schema of one object that a command prints; it has all of these and nothing else."""
    policy = Policy.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
    definitions = policy.pop("$defs") | {"Policy": policy} if "policy" in properties else {}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:gate:schema:{name.removeprefix('gate.').replace('/', '-')}",
        "title": name,
        **_object({"schema": {"const": name}, **properties}),
        **({"$defs": definitions} if definitions else {}),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def configuration() -> str:
    """Return docs/configuration.md."""
    keys = "".join(f"| `{key}` | {meaning} |\n" for key, meaning in KEYS.items())
    return f"{_HEAD}{keys}{_BOUNDS}{''.join(_table(group) for group in groups())}"


def groups() -> list[type]:
    """Return every group of bounds, in the order of the module."""
    found = [value for name, value in vars(bounds).items() if name.endswith("Bounds")]
    return [value for value in found if inspect.isclass(value)]


def prefix_of(group: type) -> str:
    """Return what the keys of a group begin with, or nothing if configuration has none."""
    prefix = f"GATE_BOUND_{group.__name__.removesuffix('Bounds').upper()}_"
    return prefix if f"{prefix}…" in KEYS else ""


def meanings(group: type) -> dict[str, str]:
    """Return what the class's docstring says of each of its fields."""
    attributes = (inspect.getdoc(group) or "").partition("Attributes:")[2]
    said = re.findall(r"^ +(\w+): (.*(?:\n {6,}.*)*)", attributes, re.MULTILINE)
    return {name: " ".join(text.split()).removesuffix(".") for name, text in said}


def _table(group: type) -> str:
    title, prefix, said = (inspect.getdoc(group) or "").partition(".")[0], prefix_of(group), meanings(group)
    lines = [f"\n### {title}\n", *([] if prefix else ["Part of the code; there is no key.\n"])]
    lines += [f"| {'key' if prefix else 'name'} | default | meaning |", "|---|---|---|"]
    for field in fields(group):
        name = f"{prefix}{field.name.upper()}" if prefix else field.name
        lines.append(f"| `{name}` | {_figure(field.name, field.default)} | {said[field.name]} |")
    return "\n".join(lines) + "\n"


def _figure(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:g} s"
    if isinstance(value, int) and name.endswith("_bytes"):
        for size, unit in _UNITS:
            if value % size == 0:
                return f"{value // size} {unit}"
    return f"{value:,}"


def write(root: Path) -> None:
    """Write every made file, and take away pages of rules that are no more."""
    made = documents()
    for page in (root / "docs" / "rules").glob("*.md"):
        if page.relative_to(root).as_posix() not in made:
            page.unlink()
    for name, text in made.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(ROOT)
