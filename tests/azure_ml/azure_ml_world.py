"""The gate's side of the questions to a simulated Azure Machine Learning."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from azure_world.sim_aml import WORKSPACE_ID
from azure_world.sim_gate import QUICK
from azure_world.sim_state import CLIENT, TENANT, AzureWorld

from gate.azureml.users import KINDS, MlUsers
from gate.bounds import DefenderBounds
from gate.cloud_ml import load_azureml
from gate.findings.defender.arm import Arm
from gate.findings.defender.identity import AzureIdentity
from gate.http.client import HttpClient
from gate.policy.users import UserKind
from gate.promotion.mentions import Named
from gate.promotion.users import Users

PLACE = "gatestaging.azurecr.io/staging/app"
DIGEST = "sha256:" + "a1" * 32
OTHER = "sha256:" + "b2" * 32
NAMED = Named(place=PLACE, digests=(DIGEST,), tags=("v1",))


def asked(
    world: AzureWorld,
    named: Named = NAMED,
    kinds: Collection[UserKind] = KINDS,
    *,
    resources: str = WORKSPACE_ID,
    rows: int = 1000,
) -> Users:
    """Ask the simulator as the gate does, connected by configuration alone."""
    environ = settings(world, resources)
    config = load_azureml(environ)
    assert config is not None
    identity = AzureIdentity(config.cloud, config.tenant, environ, QUICK)
    bounds = replace(DefenderBounds(), rows=rows)
    client = HttpClient(QUICK, sleep=lambda _: None)
    source = MlUsers(lambda: Arm(client, identity, config.cloud, bounds), config.resources, bounds)
    return source.users(named, kinds)


def settings(world: AzureWorld, resources: str = WORKSPACE_ID) -> dict[str, str]:
    """Return the environment that points the gate at a simulator."""
    return {
        "GATE_AZURE_AUTHORITY": world.address,
        "GATE_AZURE_ARM": world.address,
        "GATE_AZURE_TENANT": TENANT,
        "GATE_AZUREML_RESOURCES": resources,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": world.secret,
    }
