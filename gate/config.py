"""The gate's settings, from the environment and nowhere else. Policy is not configuration: it has files of its own.

Every key is listed in `KEYS` with its meaning; a test holds the list to the code and to docs/configuration.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from gate.bounds import (
    CondaBounds,
    DataBounds,
    DefenderBounds,
    DefinitionBounds,
    HttpBounds,
    ImageBounds,
    ResolveBounds,
    ServiceBounds,
    StorageBounds,
    WheelBounds,
)
from gate.cloud import ACR_KEYS, AZURE_KEYS, AcrConfig, AzureConfig, load_acr, load_azure
from gate.cloud_ml import AZUREML_KEYS, AzureMlConfig, load_azureml
from gate.cloud_vault import VAULT_KEYS, VaultKey, load_signing_key
from gate.config_values import bounds, number, refuse_unknown_groups, refused, switch
from gate.errors import UsageError
from gate.signin import SERVER_KEYS, TOKEN_KEYS, ServerAccess, TokenConfig, load_access, load_tokens

KEYS: Mapping[str, str] = {
    "GATE_HOME": "folder for the database and the private storage (default: the user's data folder)",
    "GATE_DATABASE": "database address: `sqlite:///<file>` or `postgresql://…` (default: `gate.sqlite` in GATE_HOME)",
    "GATE_STORAGE": "folder of approved files (default: `storage` in GATE_HOME)",
    "GATE_POLICY": "folder that holds `allowlist/` and `exceptions/` (default: what the package embeds)",
    "GATE_FACTS": "folder of what indexes and channels answered (default: `facts` in GATE_HOME)",
    "GATE_OFFLINE": "`1`: prove origins from that folder alone, and ask no index and no channel",
    "GATE_DEFENDER_RECORDING": "file with a recorded Defender answer; refused unless policy allows recordings",
    **AZURE_KEYS,
    **ACR_KEYS,
    **AZUREML_KEYS,
    **VAULT_KEYS,
    "GATE_NOTIFY": "space-separated apprise addresses that are told of a discard; they may hold secrets",
    "GATE_PRINCIPAL": "`tenant/object-id` of who acts, as claimed; no default",
    "GATE_SERVER": "address of a gate service, for `--server`",
    **SERVER_KEYS,
    **TOKEN_KEYS,
    "GATE_LEASE_SECONDS": "how long a silent process keeps its evaluation (default: 60)",
    "GATE_BUSY_SECONDS": "how long to wait for another process that writes to the database (default: 15)",
    "GATE_REGISTRY_HOST": "registry that the two keys below are for; they are sent nowhere else",
    "GATE_REGISTRY_USER": "user name at that registry",
    "GATE_REGISTRY_PASSWORD": "password at that registry",
    "GATE_REGISTRY_MIRRORS": "space-separated `registry=mirror/prefix`: images of the registry are read from there,"
    " if policy lists it as a mirror",
    "GATE_INDEX_ADDRESSES": "space-separated `name=https://…`: where this machine reaches a safelisted Python index, "
    "by policy's name for it, if not where policy says; they may hold credentials",
    "GATE_CHANNEL_ADDRESSES": "the same for conda channels; `conda-forge` has none unless policy or this says one",
    "GATE_FILE_HOSTS": "space-separated `host:port` to which an index or channel may redirect for files, beyond those "
    "that its own pages name",
    "GATE_DATA_SOURCES": "space-separated `kind=https://…` or `kind=/path/of/a/file`: where `gate data update` takes "
    "reference data from, and from nowhere else; they may hold credentials",
    "GATE_BOUND_DEFINITION_…": "a bound of reading definitions, by its name in upper case (`…_FILES=500`)",
    "GATE_BOUND_IMAGE_…": "a bound of reading images",
    "GATE_BOUND_HTTP_…": "a bound of talking to servers",
    "GATE_BOUND_DATA_…": "a bound of reading reference data and recorded answers",
    "GATE_BOUND_WHEEL_…": "a bound of reading and comparing wheels",
    "GATE_BOUND_STORAGE_…": "a bound of approving files",
    "GATE_BOUND_SERVICE_…": "a bound of one request to the service",
    "GATE_BOUND_DEFENDER_…": "a bound of asking Azure for Defender's answers",
    "GATE_BOUND_CONDA_…": "a bound of asking conda channels and reading conda packages",
    "GATE_BOUND_RESOLVE_…": "a bound of resolving one closed set",
}
"""Every key and what it says."""

_DEFAULT_LEASE = 60.0
_DEFAULT_BUSY = 15.0
_REGISTRY = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?"
_REGISTRY_MIRROR = re.compile(rf"(?P<registry>{_REGISTRY})=(?P<mirror>{_REGISTRY}(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)")
_SHORTEST_LEASE, _LONGEST_LEASE = 0.1, 86_400.0
_ADDRESS = re.compile(r"(?P<name>[\w.-]{1,80})=(?P<address>https?://[^/\s?#]+[^\s?#]*)")
_DATA_SOURCE = re.compile(
    r"(?P<name>osv-pypi|known-exploited|conda-names)=(?P<address>https?://[^/\s#]+[^\s#]*|/[^\s]+)"
)
_HOST = re.compile(r"[a-z0-9.-]{1,253}:[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings, parsed. `notify`, `indexes` and `channels` may hold secrets: they are never shown."""

    home: Path
    database: str
    storage: Path
    facts: Path
    offline: bool
    policy: Path | None
    defender_recording: Path | None
    signing_key: Path | VaultKey | None
    notify: tuple[str, ...]
    principal: str
    server: str
    lease: timedelta
    busy_seconds: float
    definition: DefinitionBounds
    image: ImageBounds
    http: HttpBounds
    data: DataBounds
    wheel: WheelBounds
    stored: StorageBounds
    service: ServiceBounds
    defender: DefenderBounds
    azure: AzureConfig | None
    acr: AcrConfig | None
    azureml: AzureMlConfig | None
    tokens: TokenConfig | None
    access: ServerAccess
    mirrors: Mapping[str, str]
    """Where Defender is asked live; None where no registry is named."""
    resolve: ResolveBounds
    conda: CondaBounds
    indexes: Mapping[str, str]
    channels: Mapping[str, str]
    file_hosts: tuple[str, ...]
    data_sources: Mapping[str, str]

    def with_home(self, home: Path) -> Config:
        """Return the settings with everything that is kept moved to another folder."""
        return replace(self, home=home, database=_database(home), storage=home / "storage", facts=home / "facts")


def load_config(environ: Mapping[str, str]) -> Config:
    """Parse the settings.

    Args:
        environ: the process's environment; the only thing that is read.

    Raises:
        UsageError: a value can't be read, or a bound of that name does not exist.
    """
    refuse_unknown_groups(environ)
    home = Path(environ.get("GATE_HOME") or _default_home(environ))
    policy, recording = environ.get("GATE_POLICY"), environ.get("GATE_DEFENDER_RECORDING")
    return Config(
        home=home,
        database=environ.get("GATE_DATABASE") or _database(home),
        storage=Path(environ.get("GATE_STORAGE") or home / "storage"),
        facts=Path(environ.get("GATE_FACTS") or home / "facts"),
        offline=switch(environ, "GATE_OFFLINE"),
        policy=Path(policy) if policy else None,
        defender_recording=Path(recording) if recording else None,
        signing_key=load_signing_key(environ),
        notify=tuple(environ.get("GATE_NOTIFY", "").split()),
        principal=environ.get("GATE_PRINCIPAL", ""),
        server=environ.get("GATE_SERVER", ""),
        lease=_lease(environ),
        busy_seconds=number(environ, "GATE_BUSY_SECONDS", _DEFAULT_BUSY),
        definition=bounds(environ, "DEFINITION", DefinitionBounds()),
        image=bounds(environ, "IMAGE", ImageBounds()),
        http=bounds(environ, "HTTP", HttpBounds()),
        data=bounds(environ, "DATA", DataBounds()),
        wheel=bounds(environ, "WHEEL", WheelBounds()),
        stored=bounds(environ, "STORAGE", StorageBounds()),
        service=bounds(environ, "SERVICE", ServiceBounds()),
        defender=bounds(environ, "DEFENDER", DefenderBounds()),
        azure=load_azure(environ),
        acr=load_acr(environ),
        azureml=load_azureml(environ),
        tokens=load_tokens(environ),
        access=load_access(environ),
        mirrors=_mirrors(environ.get("GATE_REGISTRY_MIRRORS", "")),
        resolve=bounds(environ, "RESOLVE", ResolveBounds()),
        conda=bounds(environ, "CONDA", CondaBounds()),
        indexes=_addresses(environ, "GATE_INDEX_ADDRESSES"),
        channels=_addresses(environ, "GATE_CHANNEL_ADDRESSES"),
        file_hosts=_file_hosts(environ),
        data_sources=_addresses(environ, "GATE_DATA_SOURCES", _DATA_SOURCE),
    )


def _default_home(environ: Mapping[str, str]) -> Path:
    data = environ.get("XDG_DATA_HOME")
    if data:
        return Path(data) / "gate"
    try:
        return Path.home() / ".local" / "share" / "gate"
    except RuntimeError as error:
        message = "there is no home folder to keep the database in"
        raise UsageError(message, code="config_invalid", hint="set GATE_HOME") from error


def _database(home: Path) -> str:
    return f"sqlite:///{(home / 'gate.sqlite').absolute()}"


def _addresses(environ: Mapping[str, str], key: str, form: re.Pattern[str] = _ADDRESS) -> Mapping[str, str]:
    """Read `name=address` pairs; what is wrong is said by its place, for it may hold a secret."""
    found: dict[str, str] = {}
    for place, text in enumerate(environ.get(key, "").split(), 1):
        match = form.fullmatch(text)
        if match is None or match["name"] in found:
            message = f"`{key}`: entry {place} is no `name=https://…`, or names something for the second time"
            raise UsageError(message, code="config_invalid", hint="separate the pairs by blanks, and encode blanks")
        found[match["name"]] = match["address"]
    return found


def _file_hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    hosts = tuple(environ.get("GATE_FILE_HOSTS", "").lower().split())
    for host in hosts:
        if not _HOST.fullmatch(host):
            message = f"`GATE_FILE_HOSTS` must be a list of `host:port`, and `{host[:40]}` is none"
            raise UsageError(message, code="config_invalid", hint="write the port, too")
    return hosts


def _mirrors(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for part in text.split():
        match = _REGISTRY_MIRROR.fullmatch(part)
        if match is None or match["registry"] in found:
            key = "GATE_REGISTRY_MIRRORS"
            raise refused(key, part, "`registry=mirror/prefix`, once a registry, in lower case")
        found[match["registry"]] = match["mirror"]
    return found


def _lease(environ: Mapping[str, str]) -> timedelta:
    seconds = number(environ, "GATE_LEASE_SECONDS", _DEFAULT_LEASE)
    if not _SHORTEST_LEASE <= seconds <= _LONGEST_LEASE:
        message = f"`GATE_LEASE_SECONDS` must lie between {_SHORTEST_LEASE} and {_LONGEST_LEASE:.0f}"
        raise UsageError(message, code="config_invalid", hint="unset it to use the default")
    return timedelta(seconds=seconds)
