"""Resource Manager of the simulator: one function a resource, each answering as its REST reference describes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from azure_world.sim_aml import is_aml
from azure_world.sim_graph import QueryError, run
from azure_world.sim_state import REGISTRY_ID, SUBSCRIPTION, Faults, Json

if TYPE_CHECKING:
    from azure_world.sim_state import AzureWorld

Answer = tuple[int, dict[str, str], bytes]
_SUB = f"/subscriptions/{SUBSCRIPTION}"
_GRAPH = "/providers/Microsoft.ResourceGraph/resources"
_ASSESSMENT = re.compile(
    rf"{re.escape(REGISTRY_ID)}/providers/Microsoft.Security/assessments/([0-9a-f-]+)/subAssessments"
)


def answer(world: AzureWorld, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
    """Return what a call with a good token gets."""
    if method == "POST":
        return _graph(world, json.loads(body)) if path == _GRAPH else _refused(404, "ResourceNotFound")
    if world.aml is not None and is_aml(path):
        return world.aml.answer(path, query, world.address)
    fixed: dict[str, object] = {
        _SUB: {"subscriptionId": SUBSCRIPTION, "tenantId": world.tenant, "state": world.subscription_state},
        f"{_SUB}/providers/Microsoft.Security": {"registrationState": world.provider},
        **{f"{_SUB}/providers/Microsoft.Security/pricings/{name}": one for name, one in world.plans.items()},
    }
    if path in fixed:
        return _ok(fixed[path])
    registries = {REGISTRY_ID: world.registry} | {name: properties for name, (properties, _) in world.others.items()}
    found = {name.lower(): properties for name, properties in registries.items()}.get(path.lower())
    if found is not None:
        version = query.get("api-version", "")
        if version not in world.registry_apis:
            return _refused(400, "NoRegisteredProviderFound")
        return _ok({"id": path, "properties": _told(found, version)})
    rows = _listed(world, path)
    return _refused(404, "ResourceNotFound") if rows is None else _list(world, path, query, rows)


def _told(properties: Json, version: str) -> Json:
    """Leave out of a registry's properties what only previews tell."""
    if version.endswith("-preview") or "softDeletePolicy" not in properties.get("policies", {}):
        return properties
    policies = {name: one for name, one in properties["policies"].items() if name != "softDeletePolicy"}
    return {**properties, "policies": policies}


def _listed(world: AzureWorld, path: str) -> list[Any] | None:
    for name, allowed in {
        REGISTRY_ID: world.permissions,
        **{one: may for one, (_, may) in world.others.items()},
    }.items():
        if path.lower() == f"{name}/providers/Microsoft.Authorization/permissions".lower():
            return allowed
    match = _ASSESSMENT.fullmatch(path)
    return world.sub_assessments.get(match[1]) if match else None


def _list(world: AzureWorld, path: str, query: dict[str, str], rows: list[Any]) -> Answer:
    """Answer one page of a list; the next one is named by an absolute address, as Resource Manager does."""
    faults = world.faults
    start = int(query.get("$skipToken", "0"))
    number, end = start // world.list_rows, start + world.list_rows
    if number == faults.fail_page:
        return _refused(faults.fail_status, "InternalServerError")
    page: dict[str, object] = {"value": rows[start:end]}
    if end < len(rows):
        base = faults.foreign_next or world.address
        page["nextLink"] = f"{base}{path}?api-version={query.get('api-version', '')}&$skipToken={end}"
    return _ok(page)


def _graph(world: AzureWorld, asked: dict[str, Any]) -> Answer:
    faults = world.faults if world.faults.about in asked["query"] else Faults()
    world.queries.append(asked["query"])
    if faults.throttled:
        faults.throttled -= 1
        status, headers, body = _refused(429, "RateLimiting")
        return status, {**headers, "Retry-After": faults.retry_after}, body
    if asked["subscriptions"] != [SUBSCRIPTION]:
        return _refused(403, "AuthorizationFailed")
    kept = world.prepared.get((asked["query"], str(asked["options"].get("$skipToken", "0"))))
    if kept is not None:
        return kept
    try:
        rows = run(world, asked["query"])
    except QueryError:
        return _refused(400, "InvalidQuery")
    return _graph_page(world, faults, rows, asked["options"])


def prepare(world: AzureWorld, query: str, size: int) -> None:
    """Make all pages of a question's answer now."""
    rows = run(world, query)
    for start in range(0, len(rows), size):
        world.prepared[query, str(start)] = _graph_page(
            world, world.faults, rows, {"$top": size, "$skipToken": str(start)}
        )


def _graph_page(world: AzureWorld, faults: Faults, rows: list[Any], options: dict[str, Any]) -> Answer:
    size = min(int(options["$top"]), world.page_rows)
    start = int(options.get("$skipToken", "0"))
    number = start // size
    if number == faults.fail_page:
        status, headers, body = _refused(faults.fail_status, "InternalServerError")
        return status, {**headers, "Retry-After": faults.retry_after}, body
    page = rows[start : start + size]
    if faults.repeated_page is not None and number == faults.repeated_page + 1:
        page = rows[faults.repeated_page * size :][: len(page)]
    following = start + size
    if faults.lost_page is not None and number + 1 == faults.lost_page:
        following += size
    count = len(page)
    if number == faults.half_page:
        page = page[: len(page) // 2]
    told: dict[str, object] = {
        "totalRecords": len(rows),
        "count": count,
        "resultTruncated": "true" if faults.cut else "false",
        "data": page,
        "facets": [],
    }
    if following < len(rows) and not faults.cut:
        told["$skipToken"] = str(following)
    headers = {"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"}
    if faults.quota is not None:
        headers = dict(zip(headers, faults.quota, strict=True))
    if faults.partial_scope:
        headers["x-ms-tenant-subscription-limit-hit"] = "true"
    return 200, headers, json.dumps(told).encode()


def _ok(data: object) -> Answer:
    return 200, {}, json.dumps(data).encode()


def _refused(status: int, code: str) -> Answer:
    return status, {}, json.dumps({"error": {"code": code, "message": f"{code}."}}).encode()
