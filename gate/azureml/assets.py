"""What workspaces and registries of Azure Machine Learning hold, as far as it names images. Strict, without I/O.

Source: Microsoft's REST references of `Microsoft.MachineLearningServices` (environment versions, online and batch
deployments, model versions). Names in answers are put into addresses, so they are held to the documented letters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from gate.findings.defender.model import Fields, RowError
from gate.model.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.cloud_ml import MlResource

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", re.ASCII)

_ARM = re.compile(
    r"(?:azureml:)?/?(?P<home>subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.machinelearningservices"
    r"/(?P<kind>workspaces|registries)/(?P<owner>[^/]+))/environments/(?P<name>[^/]+)"
    r"/(?:versions/(?P<version>[^/]+)|labels/[^/]+)/?",
    re.IGNORECASE,
)
_REGISTRY = re.compile(
    r"azureml://registries/(?P<owner>[^/]+)/environments/(?P<name>[^/]+)/(?:versions/(?P<version>[^/]+)|labels/[^/]+)/?",
    re.IGNORECASE,
)
_SHORT = re.compile(r"(?:azureml:)?(?P<name>[\w.-]+)(?::(?P<version>[\w.-]+)|@[\w.-]+)", re.ASCII)
_CONTAINER_REGISTRY = re.compile(
    r".*/microsoft\.containerregistry/registries/(?P<name>[a-z0-9]{5,50})/?", re.IGNORECASE | re.ASCII
)


class EnvironmentKey(NamedTuple):
    """Which environment: of a workspace or registry, by name and version; no version stands for any of them.

    `home` is what tells one workspace from all others, its resource id, and a registry by its name alone.
    """

    kind: str
    home: str
    name: str
    version: str


class Environment(Value):
    """One version of an environment. `image` is the image it starts from, `built` whether another is built on it."""

    kind: Literal["workspaces", "registries"]
    home: str
    owner: str
    name: str
    version: str
    image: str = ""
    built: bool = False

    @property
    def key(self) -> EnvironmentKey:
        """What deployments refer to it by."""
        return EnvironmentKey(self.kind, self.home, self.name.lower(), self.version.lower())

    @property
    def shown(self) -> str:
        """Its name for people."""
        return f"{self.name}:{self.version} ({self.owner})"


class Deployment(Value):
    """One deployment of an endpoint; `environment` is how it names its environment, if it does."""

    kind: Literal["online", "batch"]
    owner: str
    endpoint: str
    name: str
    environment: str = ""

    @property
    def shown(self) -> str:
        """Its name for people."""
        return f"{self.endpoint}/{self.name} ({self.kind}, {self.owner})"


class Model(Value):
    """One version of a model, and every text that it carries."""

    owner: str
    name: str
    version: str
    texts: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Its name for people."""
        return f"{self.name}:{self.version} ({self.owner})"


def name_of(row: Fields) -> str:
    """Return a row's name.

    Raises:
        RowError: it has letters that no name has.
    """
    name = row.needed("name")
    if not NAME.fullmatch(name) or ".." in name:
        message = f"`{row.path}.name` is no name"
        raise RowError(message)
    return name


def home_of(resource: MlResource) -> str:
    """Return what keys name a resource by."""
    return resource.id.lower().strip("/") if resource.kind == "workspaces" else resource.name


def environment_of(row: Fields, resource: MlResource, name: str) -> Environment:
    """Read one version of an environment."""
    properties = row.inner("properties")
    return Environment(
        kind=resource.kind,
        home=home_of(resource),
        owner=resource.name,
        name=name,
        version=name_of(row),
        image=properties.text("image"),
        built=bool(properties.text("condaFile")) or bool(properties.optional("build").text("contextUri")),
    )


def deployment_of(row: Fields, kind: Literal["online", "batch"], owner: str, endpoint: str) -> Deployment:
    """Read one deployment."""
    named = row.inner("properties").text("environmentId")
    return Deployment(kind=kind, owner=owner, endpoint=endpoint, name=name_of(row), environment=named)


def model_of(row: Fields, owner: str, name: str, raw: object) -> Model:
    """Read one version of a model; `raw` is the row as it came."""
    row.inner("properties")
    return Model(owner=owner, name=name, version=name_of(row), texts=tuple(_texts(raw)))


def container_registry(workspace: Fields) -> str:
    """Return the name of the registry into which a workspace's images are built; empty if it has none."""
    said = workspace.inner("properties").text("containerRegistry")
    match = _CONTAINER_REGISTRY.fullmatch(said)
    if said and match is None:
        message = "`containerRegistry` is no resource id of a registry"
        raise RowError(message)
    return match["name"].lower() if match else ""


def environment_key(text: str, home: str) -> EnvironmentKey | None:
    """Read how a deployment of the workspace `home` names its environment; None if it can't be read."""
    if match := _ARM.fullmatch(text):
        kind = match["kind"].lower()
        return _key(kind, match["home"] if kind == "workspaces" else match["owner"], match)
    if match := _REGISTRY.fullmatch(text):
        return _key("registries", match["owner"], match)
    if match := _SHORT.fullmatch(text):
        return _key("workspaces", home, match)
    return None


def _key(kind: str, home: str, match: re.Match[str]) -> EnvironmentKey:
    return EnvironmentKey(kind, home.lower(), match["name"].lower(), (match["version"] or "").lower())


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(inner):
                waiting.extend(inner.values())
            case list(inner):
                waiting.extend(inner)
            case _:
                pass
