"""Which key signs verdicts, from the environment: a file, or one version of a key in Azure Key Vault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gate.cloud import Cloud, cloud_of, invalid, uuid_of

VAULT_KEYS: Mapping[str, str] = {
    "GATE_SIGNING_KEY": "key that signs the verdict attached to what is released; without it nothing is attached."
    " A file with a private key (PEM, PKCS #8), or one version of an EC key in Azure Key Vault:"
    " `azurekms://vault-host/key/version`, or the key's own `https://…` identifier; the latter needs GATE_AZURE_TENANT"
    " and the role Key Vault Crypto User on that key",
    "GATE_AZURE_VAULT_SUFFIX": "what the hosts of Key Vaults end in, instead of the cloud's own (`vault.azure.net`);"
    " no token is sent to another host",
}
"""Every key of this module and what it says."""

_KEY, _SUFFIX = "GATE_SIGNING_KEY", "GATE_AZURE_VAULT_SUFFIX"
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?(?::[1-9][0-9]{0,4})?")
_VAULT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?")
_IDENTIFIER = re.compile(
    r"(?:azurekms://(?P<host>[^/]+)/(?:keys/)?|https://(?P<web>[^/]+)/keys/)"
    r"(?P<name>[0-9A-Za-z-]{1,127})/(?P<version>[0-9a-f]{32})"
)
_HOW = "write what `az keyvault key show --query key.kid` prints: the version belongs to it"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultKey:
    """One version of one key in one vault, and who is asked for tokens to it.

    `host` may have a port; `suffix` is what it ends in, and what tokens are for.
    """

    cloud: Cloud
    tenant: str
    suffix: str
    host: str
    name: str
    version: str

    @property
    def identifier(self) -> str:
        """The key's identifier, which is its address as well."""
        return f"https://{self.host}/keys/{self.name}/{self.version}"

    @property
    def scope(self) -> str:
        """The scope of a token for the vault."""
        return f"https://{self.suffix}/.default"


def load_signing_key(environ: Mapping[str, str]) -> Path | VaultKey | None:
    """Parse the settings; None if no key is named.

    Raises:
        UsageError: it names no version of a key, its host is no vault of the cloud, or the tenant is missing.
    """
    text, suffix = environ.get(_KEY, ""), environ.get(_SUFFIX, "")
    if "://" not in text:
        if suffix:
            raise invalid(
                _SUFFIX, "means nothing without a vault's key in GATE_SIGNING_KEY", "name the key, or unset it"
            )
        return Path(text) if text else None
    match = _IDENTIFIER.fullmatch(text)
    if match is None:
        # It is not repeated: whoever mistook it for an address with credentials has them in it.
        raise invalid(_KEY, why="is neither a file nor the identifier of a version of a key in Key Vault", hint=_HOW)
    if suffix and not _HOST.fullmatch(suffix):
        raise invalid(_SUFFIX, why="must be `host[:port]` in lower case and nothing more")
    cloud = cloud_of(environ)
    host = (match["host"] or match["web"]).lower()
    if not _is_vault(host, suffix, cloud):
        why = f"names a host that is no vault below `{suffix or cloud.vault}`"
        raise invalid(_KEY, why, hint="set GATE_AZURE_CLOUD to the vault's cloud, or GATE_AZURE_VAULT_SUFFIX")
    return VaultKey(
        cloud=cloud,
        tenant=uuid_of("GATE_AZURE_TENANT", environ.get("GATE_AZURE_TENANT", "")),
        suffix=suffix or cloud.vault,
        host=host,
        name=match["name"],
        version=match["version"],
    )


def _is_vault(host: str, suffix: str, cloud: Cloud) -> bool:
    # Whoever names a suffix may mean the one vault that there is, as a simulator is.
    if suffix and host == suffix:
        return True
    vault, dot, rest = host.partition(".")
    return bool(dot) and rest == (suffix or cloud.vault) and _VAULT.fullmatch(vault) is not None
