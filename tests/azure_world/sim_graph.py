"""Resource Graph for the questions that the gate asks: a strict reader of just that KQL; any other text is refused.

The tables hold what Azure's would: security rows by subscription, and resources. Hidden rows are not an error there.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from azure_world.sim_state import REGISTRY_ID, SUBSCRIPTION

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_world.sim_state import AzureWorld

Row = dict[str, Any]
_TEXTS = re.compile(r'"([^"\\]*)"')


class QueryError(ValueError):
    """The question is not one that the simulator understands."""


def run(world: AzureWorld, query: str) -> list[Row]:
    """Return all rows that answer a question, in order."""
    table, *steps = (part.strip() for part in query.split("|"))
    match table:
        case "securityresources":
            rows = [] if world.faults.hidden else [{**row, "subscriptionId": SUBSCRIPTION} for row in world.assessments]
        case "resources":
            kept = [] if world.faults.registry_hidden else [REGISTRY_ID]
            rows = [{"id": one, "type": "microsoft.containerregistry/registries"} for one in kept]
        case _:
            raise QueryError(table)
    for step in steps:
        rows = _step(rows, step)
    return rows


def _step(rows: list[Row], step: str) -> list[Row]:
    for pattern, apply in _STEPS:
        match = re.fullmatch(pattern, step)
        if match:
            return apply(rows, match)
    raise QueryError(step)


def _digest_of(row: Row) -> str:
    extra = row.get("properties", {}).get("resourceAdditionalData")
    try:
        parsed = json.loads(extra) if isinstance(extra, str) else extra
    except ValueError:
        parsed = None
    return str(parsed.get("Digest", "")).lower() if isinstance(parsed, dict) else ""


def _id_of(row: Row) -> str:
    return str(row.get("properties", {}).get("resourceDetails", {}).get("Id", "")).lower()


def _typed(rows: list[Row], match: re.Match[str]) -> list[Row]:
    return [row for row in rows if row["type"].lower() == match[1]]


def _extended(rows: list[Row], match: re.Match[str]) -> list[Row]:
    del match
    return [{**row, "digest": _digest_of(row)} for row in rows]


def _about(rows: list[Row], match: re.Match[str]) -> list[Row]:
    return [row for row in rows if row["digest"] == match[1] or _id_of(row).endswith(match[2])]


def _among(rows: list[Row], match: re.Match[str]) -> list[Row]:
    wanted = set(_TEXTS.findall(match[1]))
    return [row for row in rows if row["digest"] in wanted]


def _registries(rows: list[Row], match: re.Match[str]) -> list[Row]:
    wanted = set(_TEXTS.findall(match[1]))
    return [row for row in rows if row["id"].lower() in wanted]


def _counted(rows: list[Row], match: re.Match[str]) -> list[Row]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row[match[1]]] = counts.get(row[match[1]], 0) + 1
    return [{match[1]: value, "rows": count} for value, count in sorted(counts.items())]


def _projected(rows: list[Row], match: re.Match[str]) -> list[Row]:
    names = [name.strip() for name in match[1].split(",")]
    return [{name: row.get(name) for name in names} for row in rows]


def _ordered(rows: list[Row], match: re.Match[str]) -> list[Row]:
    del match
    return sorted(rows, key=lambda row: str(row["id"]))


_STEPS: list[tuple[str, Callable[[list[Row], re.Match[str]], list[Row]]]] = [
    (r'where type == "([a-z./]+)"', _typed),
    (r"extend digest = tolower\(tostring\(parse_json\(tostring\(properties\.resourceAdditionalData\)\)\.Digest\)\)",
     _extended),
    (r'where digest == "([^"]+)" or tolower\(tostring\(properties\.resourceDetails\.Id\)\) endswith "([^"]+)"', _about),
    (r"where digest in \(([^()]*)\)", _among),
    (r"where tolower\(id\) in \(([^()]*)\)", _registries),
    (r"summarize rows = count\(\) by (\w+)", _counted),
    (r"project ([\w, ]+)", _projected),
    (r"order by id asc", _ordered),
]  # fmt: skip
