"""Which Azure the gate asks about scans: cloud, tenant, registries and row model, from the environment.

Addresses are settings, so that a sovereign cloud, a private one and a simulator are the same to the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from gate.errors import UsageError
from gate.model.digest import is_digest

AZURE_KEYS: Mapping[str, str] = {
    "GATE_DEFENDER_REGISTRIES": "space-separated Azure resource ids of the registries whose scans are asked for;"
    " setting it switches the live source on",
    "GATE_DEFENDER_MODEL": "`individual` (default), `grouped` (clouds that still serve sub-assessments) or `both`",
    "GATE_DEFENDER_ASSESSMENTS": "space-separated assessment keys of the grouped model (default: Microsoft's own)",
    "GATE_DEFENDER_CANARY": "digest of an image that must have findings, for `gate doctor` and the preflight",
    "GATE_DEFENDER_PREFLIGHT_SECONDS": "how long a green preflight counts (default: 600)",
    "GATE_AZURE_CLOUD": "`public` (default), `usgovernment` or `china`",
    "GATE_AZURE_TENANT": "id of the tenant whose answers are believed; needed with GATE_DEFENDER_REGISTRIES",
    "GATE_AZURE_AUTHORITY": "address that gives tokens, instead of the cloud's own",
    "GATE_AZURE_ARM": "address of Azure Resource Manager, instead of the cloud's own",
}
"""Every key of this module and what it says."""

ACR_KEYS: Mapping[str, str] = {
    "GATE_ACR_HOSTS": "space-separated login servers of Azure Container Registries that are asked with Entra tokens;"
    " needs GATE_AZURE_TENANT",
    "GATE_ACR_AUDIENCE": "what those tokens are for (default: `https://containerregistry.azure.net`)",
    "GATE_ACR_IMPORT": "space-separated `login-server=resource-id` of the registries among them between which Azure"
    " itself brings released images (`importImage`); between all others they go through the gate",
}
"""The keys of Azure's registries and what they say."""

ACR_AUDIENCE = "https://containerregistry.azure.net"

_LOGIN_SERVER = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_REGISTRY = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f-]{36})/resourcegroups/(?P<group>[-\w.()]{1,90})"
    r"/providers/microsoft\.containerregistry/registries/(?P<name>[a-z0-9]{5,50})",
    re.IGNORECASE | re.ASCII,
)
_LONGEST_PREFLIGHT = 3600.0
_PREFLIGHT = timedelta(minutes=10)

GROUPED_KEYS = ("c0b7cfc6-3172-465a-b378-53c7ff2cc0d5", "33422d8f-ab1e-42be-bc9a-38685bb567b9")
"""Assessment keys under which images of Azure registries stood until July 2026; other clouds may serve them still."""


class DefenderModel(StrEnum):
    """Which of Defender's row models are asked."""

    INDIVIDUAL = "individual"
    GROUPED = "grouped"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The addresses of one cloud: who gives tokens, and Azure Resource Manager."""

    authority: str
    arm: str
    private: bool = False
    """The addresses were named one by one: nobody else vouches for the authority."""
    vault: str = ""
    """What the host of every Key Vault of the cloud ends in, and what their tokens are for."""
    issuers: tuple[str, str] = ("", "")
    """What stands before the tenant in `iss` of tokens of version 1 and 2; the authority itself where it is private."""

    def issuer(self, tenant: str, version: int) -> str:
        """Return `iss` as tokens of a tenant have it, character by character."""
        before = self.authority if self.private else self.issuers[version - 1]
        return f"{before}/{tenant}/" if version == 1 else f"{before}/{tenant}/v2.0"

    @property
    def scope(self) -> str:
        """The scope of a token for Resource Manager."""
        return f"{self.arm}/.default"


CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud(
        authority="https://login.microsoftonline.com",
        arm="https://management.azure.com",
        vault="vault.azure.net",
        issuers=("https://sts.windows.net", "https://login.microsoftonline.com"),
    ),
    "usgovernment": Cloud(
        authority="https://login.microsoftonline.us",
        arm="https://management.usgovcloudapi.net",
        vault="vault.usgovcloudapi.net",
        issuers=("https://sts.windows.net", "https://login.microsoftonline.us"),
    ),
    "china": Cloud(
        authority="https://login.chinacloudapi.cn",
        arm="https://management.chinacloudapi.cn",
        vault="vault.azure.cn",
        issuers=("https://sts.chinacloudapi.cn", "https://login.partner.microsoftonline.cn"),
    ),
}
"""Microsoft's clouds. Issuers and vaults of the sovereign ones are general knowledge; a wrong one lets nobody in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryId:
    """One Azure Container Registry as Resource Manager names it; `id` begins with a slash, as it was written."""

    id: str
    subscription: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureConfig:
    """Where Defender is asked. The subscriptions are those of the registries: the two can't contradict each other."""

    cloud: Cloud
    tenant: str
    registries: tuple[RegistryId, ...]
    model: DefenderModel = DefenderModel.INDIVIDUAL
    grouped_keys: tuple[str, ...] = GROUPED_KEYS
    canary: str = ""
    preflight: timedelta = _PREFLIGHT

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The subscriptions to ask, each once, sorted."""
        return tuple(sorted({registry.subscription for registry in self.registries}))


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrConfig:
    """Which registries are Azure's, and who the gate is to them."""

    cloud: Cloud
    tenant: str
    hosts: tuple[str, ...]
    audience: str = ACR_AUDIENCE
    imports: Mapping[str, str] = field(default_factory=dict)
    """Resource ids, by login server, of the registries between which images are imported."""


def load_acr(environ: Mapping[str, str]) -> AcrConfig | None:
    """Parse the settings of Azure's registries; None if none is named.

    Raises:
        UsageError: a value can't be read, or the audience or imports are set and no registry is.
    """
    hosts = tuple(environ.get("GATE_ACR_HOSTS", "").split())
    audience = _address(environ, "GATE_ACR_AUDIENCE")
    if not hosts:
        for key in ("GATE_ACR_AUDIENCE", "GATE_ACR_IMPORT"):
            if environ.get(key):
                raise invalid(key, "means nothing without GATE_ACR_HOSTS", "name the registries, or unset it")
        return None
    for host in hosts:
        if not _LOGIN_SERVER.fullmatch(host):
            why = f"has `{host[:200]}`, which is no login server"
            raise invalid(
                key="GATE_ACR_HOSTS", why=why, hint="write `name.azurecr.io`, in lower case and without `https://`"
            )
    return AcrConfig(
        cloud=cloud_of(environ),
        tenant=uuid_of("GATE_AZURE_TENANT", environ.get("GATE_AZURE_TENANT", "")),
        hosts=hosts,
        audience=audience or ACR_AUDIENCE,
        imports=_imports(environ.get("GATE_ACR_IMPORT", ""), hosts),
    )


def _imports(text: str, hosts: tuple[str, ...]) -> Mapping[str, str]:
    key, found = "GATE_ACR_IMPORT", dict[str, str]()
    for part in text.split():
        host, equals, identifier = part.partition("=")
        if not equals or host not in hosts or host in found:
            why = f"has `{part[:200]}`, which is no `login-server=resource-id` of one of GATE_ACR_HOSTS, or its second"
            raise invalid(key, why, "name each registry once, by its login server as in GATE_ACR_HOSTS")
        found[host] = _registry(identifier, key).id
    if len(found) == 1:
        raise invalid(key, "names one registry, and an import is between two", "name the other one too, or unset it")
    return found


def load_azure(environ: Mapping[str, str]) -> AzureConfig | None:
    """Parse the settings; None if no registry is named and nothing else of Defender's is.

    Raises:
        UsageError: a value can't be read, or a part is set that means nothing without the registries.
    """
    registries = tuple(_registry(text) for text in environ.get("GATE_DEFENDER_REGISTRIES", "").split())
    if not registries:
        _refuse_orphans(environ)
        return None
    return AzureConfig(
        cloud=cloud_of(environ),
        tenant=uuid_of("GATE_AZURE_TENANT", environ.get("GATE_AZURE_TENANT", "")),
        registries=registries,
        model=_model(environ.get("GATE_DEFENDER_MODEL", "")),
        grouped_keys=_grouped_keys(environ),
        canary=_canary(environ.get("GATE_DEFENDER_CANARY", "")),
        preflight=_preflight(environ.get("GATE_DEFENDER_PREFLIGHT_SECONDS", "")),
    )


def _refuse_orphans(environ: Mapping[str, str]) -> None:
    # Whoever set one of them believes that Defender is asked.
    for key in AZURE_KEYS:
        if key.startswith("GATE_DEFENDER_") and environ.get(key):
            why, hint = "means nothing without GATE_DEFENDER_REGISTRIES", "name the registries, or unset it"
            raise invalid(key, why=why, hint=hint)


def _registry(text: str, key: str = "GATE_DEFENDER_REGISTRIES") -> RegistryId:
    match = _REGISTRY.fullmatch(text.rstrip("/"))
    if match is None or not _UUID.fullmatch(match["subscription"].lower()):
        raise invalid(
            key=key,
            why=f"has `{text[:200]}`, which is no resource id of a registry",
            hint="copy the id that `az acr show --query id` prints",
        )
    return RegistryId(id=match[0], subscription=match["subscription"].lower(), name=match["name"].lower())


def cloud_of(environ: Mapping[str, str]) -> Cloud:
    """Return the cloud that is named, with the addresses that are set instead of its own; UsageError as above."""
    name = environ.get("GATE_AZURE_CLOUD") or "public"
    known = CLOUDS.get(name)
    if known is None:
        raise invalid(key="GATE_AZURE_CLOUD", why=f"must be one of {', '.join(CLOUDS)}, not `{name[:40]}`")
    authority = _address(environ, "GATE_AZURE_AUTHORITY")
    arm = _address(environ, "GATE_AZURE_ARM")
    return replace(known, authority=authority or known.authority, arm=arm or known.arm, private=bool(authority))


def _address(environ: Mapping[str, str], key: str) -> str:
    text = environ.get(key, "").rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.path == "" and "@" not in parts.netloc
        sound = sound and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        sound = False
    if not sound:
        raise invalid(key, why="must be `https://host[:port]` and nothing more")
    return text


def _model(text: str) -> DefenderModel:
    try:
        return DefenderModel(text or DefenderModel.INDIVIDUAL)
    except ValueError:
        known = ", ".join(DefenderModel)
        raise invalid(key="GATE_DEFENDER_MODEL", why=f"must be one of {known}, not `{text[:40]}`") from None


def _grouped_keys(environ: Mapping[str, str]) -> tuple[str, ...]:
    key = "GATE_DEFENDER_ASSESSMENTS"
    return tuple(uuid_of(key, text) for text in environ.get(key, "").split()) or GROUPED_KEYS


def uuid_of(key: str, text: str) -> str:
    """Return an id in lower case; UsageError if it is none."""
    if not _UUID.fullmatch(text.lower()):
        raise invalid(key, why=f"must be ids like 00000000-0000-0000-0000-000000000000, not `{text[:60]}`")
    return text.lower()


def _canary(text: str) -> str:
    if text and not is_digest(text):
        raise invalid(key="GATE_DEFENDER_CANARY", why=f"must be a digest, not `{text[:80]}`")
    return text


def _preflight(text: str) -> timedelta:
    if not text:
        return _PREFLIGHT
    sound = text.isascii() and text.isdigit() and len(text) <= len("3600")
    if not sound or not 0 < int(text) <= _LONGEST_PREFLIGHT:
        why = f"must be whole seconds up to {_LONGEST_PREFLIGHT:.0f}"
        raise invalid(key="GATE_DEFENDER_PREFLIGHT_SECONDS", why=why)
    return timedelta(seconds=int(text))


def invalid(key: str, why: str, hint: str = "set it right, or unset it to use the default") -> UsageError:
    """Return the error of a setting that can't be used."""
    return UsageError(f"`{key}` {why}", code="config_invalid", hint=hint, key=key)
