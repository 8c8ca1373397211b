"""Run `uv pip compile` in isolation: requirements that we wrote, our own relay, no build, no configuration."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from gate.errors import GateError, UpstreamError
from gate.model.redact import redact
from gate.resolve.child import clean_environment, run_child

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gate.resolve.relay import Relay
    from gate.resolve.settings import ResolveConfig
    from gate.resolve.target import Target

_FILE = "requirements.in"
_PIN = re.compile(r"(?P<name>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)==(?P<version>[0-9a-z.!+_-]+)(?:\s+# via (?P<via>.+))?")
_VIA = re.compile(r"-r (?P<file>\S+)|(?P<name>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\[[a-z0-9,-]*\])?")
_UNSATISFIABLE = 1
_EXPLAINED = 4_000
_SAID = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One package of uv's answer. `required_by` are names; `declared` says that the requirements name it themselves."""

    name: str
    version: str
    required_by: tuple[str, ...] = ()
    declared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsatisfiable:
    """There is no such set; `why` are uv's words."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compile:
    """One run: what is wanted, for which target, through which relay, of which time."""

    requirements: Sequence[str]
    target: Target
    relay: Relay
    newest: datetime | None = None


def compile_pins(wanted: Compile, config: ResolveConfig, folder: Path) -> tuple[Pin, ...] | Unsatisfiable:
    """Resolve the requirements, with an empty folder to work in.

    Raises:
        UpstreamError: an index failed, or uv could not be made to answer.
        BoundError: it took too long, or said too much.
        GateError: uv is not there.
    """
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    (work / _FILE).write_text("".join(f"{line}\n" for line in wanted.requirements), encoding="utf-8")
    proxy = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), wanted.relay.proxy)
    ended = run_child(
        _command(wanted, folder / "cache", uv_program(config)),
        clean_environment(home, proxy | {"UV_HTTP_TIMEOUT": str(int(config.http.read))}),
        folder=work,
        given=b"",
        seconds=config.bounds.seconds,
        most=config.bounds.output_bytes,
    )
    if ended.code == 0:
        return parse_pins(ended.output.decode("utf-8", "replace"))
    why = _explained(ended.errors.decode("utf-8", "replace"), wanted.relay)
    if ended.code == _UNSATISFIABLE and not wanted.relay.pages.failures and not wanted.relay.refused:
        return Unsatisfiable(why=why)
    raise _failure(why, ended.code, wanted.relay)


def uv_program(config: ResolveConfig) -> Path:
    """Return uv's program.

    Raises:
        GateError: `resolver_missing`, it is not installed.
    """
    if config.uv is not None:
        return config.uv
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - an extra, which most commands do without

        return Path(find_uv_bin())
    except (ImportError, FileNotFoundError) as error:
        message = "uv, which resolves Python packages, is not installed"
        raise GateError(message, hint="install the gate with its extra `resolve`", code="resolver_missing") from error


def uv_version(config: ResolveConfig) -> str:
    """Return the version of the uv that comes with the Python package; of another one, its path."""
    return version("uv") if config.uv is None else str(config.uv)


def _command(wanted: Compile, cache: Path, program: Path) -> list[str]:
    # uv asks the default index last, so policy's last index is the default one.
    *earlier, last = wanted.relay.indexes
    indexes = [word for address in earlier for word in ("--index", address)]
    newest = ["--exclude-newer", wanted.newest.isoformat()] if wanted.newest else []
    return [
        *(str(program), "pip", "compile", _FILE, "--no-config", "--no-build", "--no-sources", "--quiet"),
        *("--cache-dir", str(cache), "--color", "never", "--no-progress", "--no-python-downloads"),
        *("--python", sys.executable, "--python-version", wanted.target.python),
        *("--python-platform", wanted.target.uv_platform, "--keyring-provider", "disabled"),
        *indexes,
        *("--default-index", last, "--index-strategy", "first-index"),
        *("--no-header", "--annotation-style", "line", "--no-emit-index-url", *newest),
    ]


def parse_pins(output: str) -> tuple[Pin, ...]:
    """Read uv's answer strictly: one pin a line, and who asks for it.

    Raises:
        UpstreamError: `resolver_answer`, a line is something else.
    """
    return tuple(_pin(line.strip()) for line in output.splitlines() if line.strip())


def _pin(line: str) -> Pin:
    match = _PIN.fullmatch(line)
    if match is None:
        raise _odd(line)
    try:
        Version(match["version"])
    except InvalidVersion:
        raise _odd(line) from None
    required_by, declared = set(), False
    for word in (match["via"] or "").split(", ") if match["via"] else ():
        via = _VIA.fullmatch(word.strip())
        if via is None:
            raise _odd(line)
        declared = declared or via["file"] is not None
        if via["name"]:
            required_by.add(canonicalize_name(via["name"]))
    return Pin(name=match["name"], version=match["version"], required_by=tuple(sorted(required_by)), declared=declared)


def _odd(line: str) -> UpstreamError:
    message = f"uv answered something that is no pin: `{line[:120]}`"
    return UpstreamError(message, hint="use the version of uv that the gate was tested with", code="resolver_answer")


def _explained(text: str, relay: Relay) -> str:
    """Return uv's explanation without the relay's addresses, which are nobody's concern and open it."""
    for place, address in enumerate(relay.indexes):
        text = text.replace(address, relay.names[place])
    text = text.replace(relay.proxy, "the relay")
    return redact(_SAID.sub("", text)).strip()[:_EXPLAINED]


def _failure(why: str, code: int, relay: Relay) -> GateError:
    """Return the failure that lies beneath: an index's own, a place that was refused, or else uv's words."""
    if relay.pages.failures:
        return relay.pages.failures[0]
    if relay.refused:
        message = f"the resolver wanted to read files at `{relay.refused[0]}`, which no page of an index names"
        hint = "if the index redirects there, list the place in `GATE_FILE_HOSTS`"
        return UpstreamError(message, hint=hint, code="resolver_outside", place=relay.refused[0])
    message = f"uv failed: {why[:600]}"
    return UpstreamError(message, hint="see the message; try again", code="resolver_failed", exit=code)
