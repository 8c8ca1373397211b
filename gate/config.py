"""The gate's settings, from the environment and nowhere else. Policy is not configuration: it has files of its own.

Every key is listed in `KEYS` with its meaning; a test holds the list to the code and to docs/configuration.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from gate.bounds import DefinitionBounds, HttpBounds, ImageBounds
from gate.errors import UsageError

KEYS: Mapping[str, str] = {
    "GATE_HOME": "folder for the database and the private storage (default: the user's data folder)",
    "GATE_DATABASE": "database address: `sqlite:///<file>` or `postgresql://…` (default: `gate.sqlite` in GATE_HOME)",
    "GATE_STORAGE": "folder of approved files (default: `storage` in GATE_HOME)",
    "GATE_POLICY": "folder that holds `allowlist/` and `exceptions/` (default: what the package embeds)",
    "GATE_DEFENDER_RECORDING": "file with a recorded Defender answer; refused unless policy allows recordings",
    "GATE_NOTIFY": "space-separated apprise addresses that are told of a discard; they may hold secrets",
    "GATE_PRINCIPAL": "`tenant/object-id` of who acts, as claimed; no default",
    "GATE_SERVER": "address of a gate service, for `--server`",
    "GATE_LEASE_SECONDS": "how long a silent process keeps its evaluation (default: 60)",
    "GATE_REGISTRY_HOST": "registry that the two keys below are for; they are sent nowhere else",
    "GATE_REGISTRY_USER": "user name at that registry",
    "GATE_REGISTRY_PASSWORD": "password at that registry",
    "GATE_BOUND_DEFINITION_…": "a bound of reading definitions, by its name in upper case (`…_FILES=500`)",
    "GATE_BOUND_IMAGE_…": "a bound of reading images",
    "GATE_BOUND_HTTP_…": "a bound of talking to servers",
}
"""Every key and what it says."""

_DEFAULT_LEASE = 60.0
_Bounds = TypeVar("_Bounds", DefinitionBounds, ImageBounds, HttpBounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings, parsed. `notify` may hold secrets: it is never shown."""

    home: Path
    database: str
    storage: Path
    policy: Path | None
    defender_recording: Path | None
    notify: tuple[str, ...]
    principal: str
    server: str
    lease: timedelta
    definition: DefinitionBounds
    image: ImageBounds
    http: HttpBounds

    def with_home(self, home: Path) -> Config:
        """Return the settings with everything that is kept moved to another folder."""
        return replace(self, home=home, database=_database(home), storage=home / "storage")


def load_config(environ: Mapping[str, str]) -> Config:
    """Parse the settings.

    Args:
        environ: the process's environment; the only thing that is read.

    Raises:
        UsageError: a value can't be read, or a bound of that name does not exist.
    """
    home = Path(environ.get("GATE_HOME") or _default_home(environ))
    policy, recording = environ.get("GATE_POLICY"), environ.get("GATE_DEFENDER_RECORDING")
    return Config(
        home=home,
        database=environ.get("GATE_DATABASE") or _database(home),
        storage=Path(environ.get("GATE_STORAGE") or home / "storage"),
        policy=Path(policy) if policy else None,
        defender_recording=Path(recording) if recording else None,
        notify=tuple(environ.get("GATE_NOTIFY", "").split()),
        principal=environ.get("GATE_PRINCIPAL", ""),
        server=environ.get("GATE_SERVER", ""),
        lease=timedelta(seconds=_number(environ, "GATE_LEASE_SECONDS", _DEFAULT_LEASE)),
        definition=_bounds(environ, "GATE_BOUND_DEFINITION_", DefinitionBounds()),
        image=_bounds(environ, "GATE_BOUND_IMAGE_", ImageBounds()),
        http=_bounds(environ, "GATE_BOUND_HTTP_", HttpBounds()),
    )


def _default_home(environ: Mapping[str, str]) -> Path:
    data = environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "gate"


def _database(home: Path) -> str:
    return f"sqlite:///{(home / 'gate.sqlite').absolute()}"


def _number(environ: Mapping[str, str], key: str, default: float) -> float:
    text = environ.get(key, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        message = f"`{key}` must be a number above zero, not `{text[:40]}`"
        raise UsageError(message, code="config_invalid", hint="unset it to use the default")
    return value


def _bounds(environ: Mapping[str, str], prefix: str, default: _Bounds) -> _Bounds:
    known = {field.name: type(getattr(default, field.name)) for field in fields(default)}
    values: dict[str, float] = {}
    for key in environ:
        if not key.startswith(prefix):
            continue
        name = key.removeprefix(prefix).lower()
        if name not in known:
            message = f"there is no bound `{name}`"
            raise UsageError(message, code="config_unknown", hint=f"known: {', '.join(sorted(known))}", key=key)
        values[name] = known[name](_number(environ, key, 1))
    return replace(default, **values)  # type: ignore[arg-type]  # each value went through its field's own type
