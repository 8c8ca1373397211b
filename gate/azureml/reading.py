"""Read a workspace or registry of Azure Machine Learning whole, or not at all.

Lists come page by page, a list of versions for each name. Nothing in a page says how many there should be, so that a
list is refused where it contradicts itself: a row that comes twice, a name whose latest version is not among its
versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gate.azureml.assets import container_registry, deployment_of, environment_of, model_of, name_of
from gate.errors import BoundError, UpstreamError
from gate.findings.defender.model import Fields
from gate.promotion.each import each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from gate.azureml.assets import Deployment, Environment, Model
    from gate.bounds import DefenderBounds
    from gate.cloud_ml import MlResource
    from gate.findings.defender.arm import Arm

    _Made = TypeVar("_Made")

API_VERSION = "2024-10-01"
_ALL = "&listViewType=All"
"""Archived ones too: what is deployed from them goes on running."""
_WORKERS = 4
_ENDPOINTS: tuple[tuple[Literal["online", "batch"], str], ...] = (
    ("online", "onlineEndpoints"),
    ("batch", "batchEndpoints"),
)


class MlReader:
    """Reads one resource. A whole reading counts its rows against one bound.

    Raises (all methods): what `Arm` raises; RowError for an answer that is not what its reference says;
        UpstreamError (`azure_answer_partial`) for a list that is not whole; BoundError (`too_many_rows`).
    """

    def __init__(self, arm: Arm, resource: MlResource, bounds: DefenderBounds) -> None:
        """Ask nothing yet."""
        self._arm = arm
        self._resource = resource
        self._bounds = bounds
        self._rows = 0

    def registry(self) -> str:
        """Return the name of the container registry of a workspace; empty for a registry and where there is none."""
        found = Fields(self._arm.get(self._resource.id, API_VERSION), self._resource.name)
        return container_registry(found) if self._resource.kind == "workspaces" else ""

    def environments(self) -> tuple[Environment, ...]:
        """Return every version of every environment."""
        return self._versions("environments", lambda row, name, _: environment_of(row, self._resource, name))

    def environment(self, name: str, version: str) -> Environment:
        """Return one version of an environment that the lists leave out, as they do with unnamed ones."""
        path = f"{self._resource.id}/environments/{name}/versions/{version}"
        row = Fields(self._arm.get(path, API_VERSION), path)
        return environment_of(row, self._resource, name)

    def models(self) -> tuple[Model, ...]:
        """Return every version of every model."""
        owner = self._resource.name
        return self._versions("models", lambda row, name, raw: model_of(row, owner, name, raw))

    def deployments(self) -> tuple[Deployment, ...]:
        """Return every deployment of every endpoint; a registry has none."""
        if self._resource.kind == "registries":
            return ()
        return tuple(one for kind, path in _ENDPOINTS for one in self._deployments(kind, path))

    def _deployments(self, kind: Literal["online", "batch"], path: str) -> Iterable[Deployment]:
        owner = self._resource.name

        def under(endpoint: str) -> tuple[Deployment, ...]:
            rows = self._list(f"{path}/{endpoint}/deployments")
            return tuple(deployment_of(row, kind, owner, endpoint) for row, _ in rows)

        endpoints = [name_of(row) for row, _ in self._list(path)]
        return (one for many in each(under, endpoints, _WORKERS) for one in many)

    def _versions(self, what: str, read: Callable[[Fields, str, object], _Made]) -> tuple[_Made, ...]:
        def under(container: Fields) -> tuple[_Made, ...]:
            name = name_of(container)
            rows = self._list(f"{what}/{name}/versions", _ALL)
            latest = container.optional("properties").text("latestVersion")
            if latest and latest not in {name_of(row) for row, _ in rows}:
                raise self._partial(what, f"of `{name}` the version `{latest[:80]}` is missing")
            return tuple(read(row, name, raw) for row, raw in rows)

        containers = [row for row, _ in self._list(what, _ALL)]
        return tuple(one for many in each(under, containers, _WORKERS) for one in many)

    def _list(self, path: str, query: str = "") -> list[tuple[Fields, object]]:
        rows: list[tuple[Fields, object]] = []
        seen: set[str] = set()
        for page in self._arm.pages(f"{self._resource.id}/{path}", API_VERSION, query=query):
            self._rows += len(page)
            if self._rows > self._bounds.rows:
                message = f"`{self._resource.name}` has more than {self._bounds.rows} rows"
                raise BoundError(message, code="too_many_rows", hint="raise the bound if this is expected")
            for raw in page:
                row = Fields(raw, f"{path}[{len(rows)}]")
                name = name_of(row)
                if name in seen:
                    raise self._partial(path, f"`{name}` came twice, so that another may be missing")
                seen.add(name)
                rows.append((row, raw))
        return rows

    def _partial(self, path: str, why: str) -> UpstreamError:
        message = f"the list `{path}` of `{self._resource.name}` is not whole: {why}"
        return UpstreamError(message, code="azure_answer_partial", hint="try again later")
