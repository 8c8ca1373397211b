"""Azure Machine Learning of the simulator: workspaces and registries with what they hold, a page at a time.

Answers have the shapes of `fixtures/aml-*.json`, each of which says where it is from. Lists leave archived rows out
unless all are asked for, and unnamed environments always, as the REST reference has it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from azure_world.sim_rows import fixture
from azure_world.sim_state import SUBSCRIPTION

Answer = tuple[int, dict[str, str], bytes]
Json = dict[str, Any]

_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-models"
PROVIDER = "/providers/Microsoft.MachineLearningServices/"
WORKSPACE_ID = f"{_GROUP}{PROVIDER}workspaces/ws-models"
REGISTRY_ID = f"{_GROUP}{PROVIDER}registries/shared-assets"
ACR_ID = f"{_GROUP}/providers/Microsoft.ContainerRegistry/registries/"
API = "2024-10-01"


@dataclass(slots=True, kw_only=True)
class AmlFaults:
    """The switches; `at` narrows all of them to paths that hold this text.

    Attributes:
        at: the part of a path that the faults concern; every path, if it is empty.
        status: what is answered instead, with `code`.
        throttled: how many of the next requests are answered 429 with `retry_after` seconds.
        cut: the connection ends after half of the body.
        lost_page: number of the page (0 is the first) that is left out: the page before it leads past it.
        repeated_page: number of the page that is served again in place of the next one.
        foreign_next: `nextLink` leads there.
        body: the raw body that is answered instead.
        hidden_latest: the newest row of each list of versions is left out, silently.
    """

    at: str = ""
    status: int = 0
    code: str = "AuthorizationFailed"
    throttled: int = 0
    retry_after: str = "0"
    cut: bool = False
    lost_page: int | None = None
    repeated_page: int | None = None
    foreign_next: str = ""
    body: bytes = b""
    hidden_latest: bool = False


@dataclass(slots=True, kw_only=True)
class AmlWorld:
    """What is there, by the path of each list, in lower case; `page` rows at a time."""

    single: dict[str, Json] = field(default_factory=dict)
    lists: dict[str, list[Json]] = field(default_factory=dict)
    page: int = 2
    faults: AmlFaults = field(default_factory=AmlFaults)
    asked: list[str] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)
    """Called with the path of each request, before it is answered: what others do meanwhile."""

    def resource(self, identity: str = WORKSPACE_ID, registry: str = "gatestaging") -> None:
        """Add a workspace or registry without anything in it."""
        changes: Json = {"containerRegistry": f"{ACR_ID}{registry}" if registry else None}
        self._put(identity, "aml-workspace", changes)
        for name in ("environments", "models", "onlineEndpoints", "batchEndpoints"):
            self.lists.setdefault(f"{identity}/{name}".lower(), [])

    def environment(
        self,
        name: str,
        version: str = "1",
        *,
        image: str | None = None,
        conda: str | None = None,
        build: str | None = None,
        archived: bool = False,
        anonymous: bool = False,
        at: str = WORKSPACE_ID,
    ) -> str:
        """Add a version of an environment and return its id."""
        changes: Json = {"image": image, "condaFile": conda, "isArchived": archived, "isAnonymous": anonymous}
        changes["build"] = {"contextUri": build, "dockerfilePath": "Dockerfile"} if build else None
        return self._version("environments", "aml-environment", (name, version), changes, at, listed=not anonymous)

    def model(self, name: str, version: str = "1", *, properties: Json | None = None, at: str = WORKSPACE_ID) -> str:
        """Add a version of a model and return its id."""
        return self._version("models", "aml-model", (name, version), {"properties": properties or {}}, at)

    def deployment(
        self, endpoint: str, name: str, environment: str | None, *, kind: str = "online", at: str = WORKSPACE_ID
    ) -> str:
        """Add a deployment, and its endpoint if need be; return its id."""
        endpoints = f"{at}/{kind}Endpoints"
        under = f"{endpoints}/{endpoint}/deployments"
        if under.lower() not in self.lists:
            self.lists[endpoints.lower()].append(_row("aml-endpoint", f"{endpoints}/{endpoint}", {}))
            self.lists[under.lower()] = []
        made = _row(f"aml-{kind}-deployment", f"{under}/{name}", {"environmentId": environment})
        self.lists[under.lower()].append(made)
        return str(made["id"])

    def remove(self, path: str) -> None:
        """Take a row out of the list that has it."""
        for rows in self.lists.values():
            rows[:] = [row for row in rows if row["id"].lower() != path.lower()]
        self.single.pop(path.lower(), None)

    def answer(self, path: str, query: dict[str, str], address: str) -> Answer:
        """Answer one request below a workspace or registry."""
        for called in self.before:
            called(path)
        self.asked.append(path)
        faults = self.faults if self.faults.at in path else AmlFaults()
        if query.get("api-version") != API:
            return _error(400, "InvalidApiVersionParameter")
        if faults.throttled:
            faults.throttled -= 1
            status, headers, body = _error(429, "TooManyRequests")
            return status, {**headers, "Retry-After": faults.retry_after}, body
        if faults.status:
            return _error(faults.status, faults.code)
        if faults.body:
            return 200, {}, faults.body
        made = self._made(path, query, address, faults)
        if faults.cut:
            return made[0], {"Content-Length": str(len(made[2])), "Connection": "close"}, made[2][: len(made[2]) // 2]
        return made

    def _made(self, path: str, query: dict[str, str], address: str, faults: AmlFaults) -> Answer:
        found = self.single.get(path.lower())
        if found is not None:
            return _ok(found)
        rows = self.lists.get(path.lower())
        if rows is None:
            return _error(404, "ResourceNotFound")
        everything = query.get("listViewType") == "All"
        shown = [row for row in rows if everything or not row["properties"].get("isArchived")]
        if faults.hidden_latest and path.endswith("/versions"):
            shown = shown[:-1]
        return self._page(path, query, address, shown, faults)

    def _page(self, path: str, query: dict[str, str], address: str, rows: list[Json], faults: AmlFaults) -> Answer:
        start = int(query.get("$skip", "0"))
        number, end = start // self.page, start + self.page
        if faults.repeated_page is not None and number == faults.repeated_page + 1:
            start -= self.page
        told: Json = {"value": rows[start : start + self.page]}
        if faults.lost_page is not None and number + 1 == faults.lost_page:
            end += self.page
        if end < len(rows):
            view = f"&listViewType={query['listViewType']}" if "listViewType" in query else ""
            base = faults.foreign_next or address
            told["nextLink"] = f"{base}{path}?api-version={API}{view}&$skip={end}"
        return _ok(told)

    def _version(
        self, what: str, shape: str, named: tuple[str, str], changes: Json, at: str, *, listed: bool = True
    ) -> str:
        name, version = named
        container, under = f"{at}/{what}/{name}", f"{at}/{what}/{name}/versions"
        if listed and under.lower() not in self.lists:
            self.lists[f"{at}/{what}".lower()].append(_row(shape, container, {}))
        made = _row(f"{shape}-version", f"{under}/{version}", changes)
        self.single[f"{under}/{version}".lower()] = made
        if listed:
            self.lists.setdefault(under.lower(), []).append(made)
            holder = next(row for row in self.lists[f"{at}/{what}".lower()] if row["name"] == name)
            holder["properties"]["latestVersion"] = version
        return f"{under}/{version}"

    def _put(self, identity: str, shape: str, changes: Json) -> None:
        self.single[identity.lower()] = _row(shape, identity, changes)


def is_aml(path: str) -> bool:
    """Say whether a path is Azure Machine Learning's."""
    return re.search(re.escape(PROVIDER), path, re.IGNORECASE) is not None


def _row(shape: str, identity: str, changes: Json) -> Json:
    made = fixture(shape)
    made["id"], made["name"] = identity, identity.rpartition("/")[2]
    made["properties"].update(changes)
    return made


def _ok(data: object) -> Answer:
    return 200, {}, json.dumps(data).encode()


def _error(status: int, code: str) -> Answer:
    return status, {}, json.dumps({"error": {"code": code, "message": f"{code}."}}).encode()
