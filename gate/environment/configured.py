"""Configuration that a build puts in place (pip.conf, .condarc, uv.toml): from then on it steers what is installed."""

from __future__ import annotations

import posixpath
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.environment.places import conda_channel
from gate.environment.yaml_tree import Mapping, Scalar, Sequence, YamlError, parse_yaml
from gate.model.origin import Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.stage import Stage
    from gate.environment.text import Text

NAMES = frozenset({"pip.conf", "pip.ini", ".condarc", "condarc", "uv.toml"})
"""The files that pip, conda and uv look for."""

PIP_OPTIONS = re.compile(
    r"^[ \t]*(index|extra[-_]index|find)[-_](?:url|links)[ \t]*[=:][ \t]*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE
)
"""Options of pip's configuration that name a place, with their continuation lines."""

_VARIABLES = {"index": "PIP_INDEX_URL", "extra_index": "PIP_EXTRA_INDEX_URL", "find": "PIP_FIND_LINKS"}


def is_configuration(path: str) -> bool:
    """Say whether a path names a file that steers an installer."""
    return posixpath.basename(path.rstrip("/")) in NAMES


_CHANNELS = ("channels", "default_channels", "channel_alias")
_ELSEWHERE = ("custom_channels", "custom_multichannels", "mirrored_channels")
"""Tables of conda's configuration that say from where else a channel's name is served."""


def condarc_channels(root: Mapping) -> list[Scalar]:
    """Return everything in conda's configuration that names a channel, or a place that one is served from."""
    nodes = [root.get(key) for key in _CHANNELS]
    for key in _ELSEWHERE:
        table = root.mapping(key)
        nodes += table.entries.values() if table else ()
    items = [item for node in nodes for item in (node.items if isinstance(node, Sequence) else [node])]
    return [one for one in items if isinstance(one, Scalar) and not one.null and one.text != "nodefaults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a build puts configuration in place: the stage that it steers, and the line that says so."""

    stage: Stage
    text: Text
    reading: Reading
    line: int


def copied(source: str, target: str, contexts: list[str], spot: Spot) -> None:
    """Take a file that `COPY` puts in place into account; one that can't be read is an unknown place."""
    name = next((one for one in (target, source) if is_configuration(one)), "")
    if not name:
        return
    found = next((one for context in contexts if (one := spot.reading.locate(source.lstrip("/"), context))), None)
    content = spot.reading.load(found, spot.text.path, spot.line) if found else None
    if content is None:
        origin = Origin(kind=OriginKind.UNKNOWN, location=f"configuration {source}")
        spot.reading.source(origin, spot.text, spot.line)
    else:
        apply(posixpath.basename(name), content.content, spot)


def apply(name: str, content: str, spot: Spot) -> None:
    """Let a configuration's content steer the commands that follow in this stage."""
    if name.endswith("condarc"):
        _conda(content, spot)
    elif name == "uv.toml":
        _uv(content, spot)
    else:
        for key, value in PIP_OPTIONS.findall(content):
            spot.stage.env[_VARIABLES[key.replace("-", "_")]] = " ".join(value.split())


def _conda(content: str, spot: Spot) -> None:
    try:
        root = parse_yaml(content, spot.reading.bounds)
    except YamlError as error:
        spot.reading.problem(error.code, f"condarc: {error}", spot.text, spot.line)
        return
    if not isinstance(root, Mapping):
        return
    named = [conda_channel(one.text) for one in condarc_channels(root)]
    if root.get("channels") is not None:
        # A list in .condarc replaces conda's own: `defaults` is in it only if it is written there.
        spot.stage.channels = named
        spot.stage.no_defaults = True
    else:
        spot.stage.channels += named


def _uv(content: str, spot: Spot) -> None:
    try:
        data = tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        spot.reading.problem("toml_invalid", f"uv.toml: {error}", spot.text, spot.line)
        return
    env, pip, index = spot.stage.env, data.get("pip"), data.get("index")
    for table in (data, pip if isinstance(pip, dict) else {}):
        if isinstance(table.get("index-url"), str):
            env["UV_INDEX_URL"] = table["index-url"]
        extra = table.get("extra-index-url")
        if isinstance(extra, list):
            env["UV_EXTRA_INDEX_URL"] = " ".join(map(str, extra))
    tables = [one for one in index if isinstance(one, dict)] if isinstance(index, list) else []
    if addresses := [one["url"] for one in tables if isinstance(one.get("url"), str)]:
        env["UV_INDEX"] = " ".join(addresses)
