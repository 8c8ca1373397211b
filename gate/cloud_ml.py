"""Which workspaces and registries of Azure Machine Learning are asked who uses an image, from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gate.cloud import Cloud, cloud_of, invalid, uuid_of

AZUREML_KEYS: Mapping[str, str] = {
    "GATE_AZUREML_RESOURCES": "space-separated Azure resource ids of the workspaces and registries of Azure Machine"
    " Learning that are asked who uses an image before it is deleted; needs GATE_AZURE_TENANT",
}
"""Every key of this module and what it says."""

_KEY = "GATE_AZUREML_RESOURCES"
_RESOURCE = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f-]{36})/resourcegroups/(?P<group>[-\w.()]{1,90})"
    r"/providers/microsoft\.machinelearningservices/(?P<kind>workspaces|registries)/(?P<name>[a-z0-9][a-z0-9_-]{1,32})",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MlResource:
    """One workspace or registry as Resource Manager names it; `id` begins with a slash, as it was written."""

    id: str
    kind: Literal["workspaces", "registries"]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureMlConfig:
    """Who is asked, in which cloud and tenant."""

    cloud: Cloud
    tenant: str
    resources: tuple[MlResource, ...]


def load_azureml(environ: Mapping[str, str]) -> AzureMlConfig | None:
    """Parse the settings; None if nobody is named.

    Raises:
        UsageError: an id can't be read or is named twice, or the tenant is missing.
    """
    resources = tuple(_resource(text) for text in environ.get(_KEY, "").split())
    if not resources:
        return None
    if len({one.id.lower() for one in resources}) != len(resources):
        raise invalid(_KEY, why="names something twice", hint="name each once")
    return AzureMlConfig(
        cloud=cloud_of(environ),
        tenant=uuid_of("GATE_AZURE_TENANT", environ.get("GATE_AZURE_TENANT", "")),
        resources=resources,
    )


def _resource(text: str) -> MlResource:
    match = _RESOURCE.fullmatch(text.rstrip("/"))
    if match is None:
        raise invalid(
            _KEY,
            why=f"has `{text[:200]}`, which is no resource id of a workspace or registry",
            hint="copy the id that `az ml workspace show --query id` prints",
        )
    kind: Literal["workspaces", "registries"] = "workspaces" if match["kind"].lower() == "workspaces" else "registries"
    return MlResource(id=match[0], kind=kind, name=match["name"].lower())
