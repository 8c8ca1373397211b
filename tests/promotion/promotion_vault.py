"""The gate's side of a simulated vault, by configuration alone, as an operator points it at Key Vault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_world.sim_state import TENANT
from azure_world.sim_vault import NAME, VERSION
from evaluation.worlds import NOW

from gate.config import load_config
from gate.wiring_signing import statement_signer

if TYPE_CHECKING:
    from datetime import datetime

    from azure_world.sim_state import AzureWorld
    from azure_world.sim_vault import SimVault

    from gate.promotion.statement import StatementSigner


def settings(azure: AzureWorld, vault: SimVault, **more: str) -> dict[str, str]:
    """Return the environment that names the vault's key."""
    return {
        "GATE_HOME": "/nowhere",
        "GATE_AZURE_AUTHORITY": azure.address,
        "GATE_AZURE_TENANT": TENANT,
        "GATE_AZURE_VAULT_SUFFIX": vault.host,
        "GATE_SIGNING_KEY": f"azurekms://{vault.host}/{NAME}/{VERSION}",
        "GATE_BOUND_HTTP_ATTEMPTS": "2",
        **more,
    }


def vault_signer(azure: AzureWorld, vault: SimVault, now: datetime = NOW, **more: str) -> StatementSigner:
    """Return what signs with the vault's key."""
    made = statement_signer(load_config(settings(azure, vault, **more)), lambda: now)
    assert made is not None
    return made
