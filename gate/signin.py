"""Who is who between callers and the service: whose Entra tokens it takes, and with which one this machine calls it.

Tokens come from the environment, from a file or from Azure, never from the command line, which every process can read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gate.cloud import Cloud, cloud_of, invalid, uuid_of
from gate.errors import UsageError

TOKEN_KEYS: Mapping[str, str] = {
    "GATE_TOKEN_AUDIENCES": "space-separated names of this service in Entra tokens: its app registration's client id, "
    "its App ID URI, or both; setting it has every caller prove who they are, and lets `gate serve` listen beyond this "
    "machine",
    "GATE_TOKEN_TENANTS": "space-separated ids of the tenants whose callers are let in (default: GATE_AZURE_TENANT)",
}
"""The keys of a service that takes tokens."""

SERVER_KEYS: Mapping[str, str] = {
    "GATE_SERVER_TOKEN": "Entra token with which `--server` is called; a secret",
    "GATE_SERVER_TOKEN_FILE": "file with such a token, read anew for each call",
    "GATE_SERVER_AUDIENCE": "App ID URI or client id of the service, to call it with a token of this machine's own "
    "Azure identity (`AZURE_CLIENT_ID` …); needs GATE_AZURE_TENANT",
}
"""The keys of whoever calls a service; at most one of them is set."""

_AUDIENCE = re.compile(
    r"(?:api|https)://[A-Za-z0-9][A-Za-z0-9._~/-]{0,250}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
_MICROSOFTS_OWN = re.compile(
    r"https://(?:[a-z0-9-]+\.)*(?:azure|microsoft|windows|azurecr|usgovcloudapi|chinacloudapi)\.(?:com|net|us|cn|io)(?:/.*)?"
    r"|[0-9a-f]{8}-0000-0000-c000-000000000000",
    re.IGNORECASE,
)
"""Services of Microsoft's own: a token for one of them was not given for this service, and others hold it, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenConfig:
    """Whose tokens the service takes. `audiences` are compared character by character, tenants are in lower case."""

    cloud: Cloud
    tenants: tuple[str, ...]
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureAccess:
    """That this machine's Azure identity is asked for tokens, in which tenant of which cloud, and for whom."""

    audience: str
    cloud: Cloud
    tenant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccess:
    """How this machine proves to a service who it is; all empty where it only claims. `token` is never shown."""

    token: str = field(default="", repr=False)
    token_file: Path | None = None
    identity: AzureAccess | None = None

    @property
    def proves(self) -> bool:
        """Say whether there is a token to be sent."""
        return bool(self.token or self.token_file or self.identity)


def load_tokens(environ: Mapping[str, str]) -> TokenConfig | None:
    """Parse the settings of a service that takes tokens; None if it takes none.

    Raises:
        UsageError: a value can't be read, no tenant is named, or tenants are and no audience is.
    """
    audiences = tuple(environ.get("GATE_TOKEN_AUDIENCES", "").split())
    tenants = environ.get("GATE_TOKEN_TENANTS", "").split()
    if not audiences:
        if tenants:
            why, hint = "means nothing without GATE_TOKEN_AUDIENCES", "name the service's audience, or unset it"
            raise invalid(key="GATE_TOKEN_TENANTS", why=why, hint=hint)
        return None
    for audience in audiences:
        _check_audience("GATE_TOKEN_AUDIENCES", audience)
    named = tuple(uuid_of("GATE_TOKEN_TENANTS", tenant) for tenant in tenants)
    own = named or (uuid_of("GATE_AZURE_TENANT", environ.get("GATE_AZURE_TENANT", "")),)
    return TokenConfig(cloud=cloud_of(environ), tenants=own, audiences=audiences)


def load_access(environ: Mapping[str, str]) -> ServerAccess:
    """Parse the settings of whoever calls a service.

    Raises:
        UsageError: a value can't be read, or more than one way is set: which one counts must not depend on an order.
    """
    set_here = [key for key in SERVER_KEYS if environ.get(key)]
    if len(set_here) > 1:
        message = f"`{set_here[0]}` and `{set_here[1]}` are both set"
        raise UsageError(message, code="config_invalid", hint="unset one: each names a token for the service")
    file, audience = environ.get("GATE_SERVER_TOKEN_FILE", ""), environ.get("GATE_SERVER_AUDIENCE", "")
    if not audience:
        return ServerAccess(token=environ.get("GATE_SERVER_TOKEN", ""), token_file=Path(file) if file else None)
    _check_audience("GATE_SERVER_AUDIENCE", audience)
    tenant = uuid_of("GATE_AZURE_TENANT", environ.get("GATE_AZURE_TENANT", ""))
    return ServerAccess(identity=AzureAccess(audience=audience, cloud=cloud_of(environ), tenant=tenant))


def _check_audience(key: str, text: str) -> None:
    if not _AUDIENCE.fullmatch(text):
        why, hint = f"has `{text[:200]}`, which is no audience", "write the client id, or the App ID URI (`api://…`)"
        raise invalid(key, why=why, hint=hint)
    if _MICROSOFTS_OWN.fullmatch(text):
        why, hint = f"has `{text[:200]}`, which is a service of Microsoft's own", "register an application for the gate"
        raise invalid(key, why=why, hint=hint)
