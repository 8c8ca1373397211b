"""What signs verdicts: a key from a file, or one that stays in Azure Key Vault."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gate.cloud_vault import VaultKey
    from gate.config import Config
    from gate.promotion.statement import StatementSigner


def statement_signer(config: Config, clock: Callable[[], datetime]) -> StatementSigner | None:
    """Return what signs verdicts, or None without a key. A vault is asked when something is signed, and not before.

    Raises:
        UsageError: the configured file can't sign.
        UpstreamError: the key lies in a vault, and the Azure libraries are not installed (`azure_missing`).
    """
    match config.signing_key:
        case None:
            return None
        case Path() as file:
            from gate.promotion.statement import KeySigner  # noqa: PLC0415 - keeps `gate check` light

            return KeySigner(file)
        case key:
            return _vault_signer(config, key, clock)


def _vault_signer(config: Config, key: VaultKey, clock: Callable[[], datetime]) -> StatementSigner:
    if not _has_azure():
        message = "GATE_SIGNING_KEY names a key in Key Vault, and the Azure libraries are not installed"
        raise UpstreamError(message, code="azure_missing", hint="install the extra `azure`")
    from gate.findings.defender.identity import AzureIdentity  # noqa: PLC0415 - as above
    from gate.http.client import HttpClient  # noqa: PLC0415
    from gate.promotion.vault import Vault  # noqa: PLC0415
    from gate.promotion.vault_signer import VaultSigner  # noqa: PLC0415

    identity = AzureIdentity(key.cloud, key.tenant, os.environ, config.http)
    return VaultSigner(Vault(HttpClient(config.http), identity, key, most_bytes=config.http.vault_bytes), clock)


def _has_azure() -> bool:
    try:
        return find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        return False
