"""Configuration of pip, conda and uv that was left in an image, as files or as variables of its config.

It steers what an installer inside a container would take, and tells how the image was built. Sources: pip's
"Configuration", conda's "Using the .condarc", uv's "Configuration files".
"""

from __future__ import annotations

import posixpath
import tomllib
from typing import TYPE_CHECKING

from gate.bounds import DefinitionBounds
from gate.environment.configured import PIP_OPTIONS
from gate.environment.places import conda_channel, link_page, python_index
from gate.environment.yaml_tree import Mapping, Scalar, YamlError, parse_yaml
from gate.image.capture import TOOL_FILES
from gate.image.run import INSTALLERS
from gate.image.tree import find, shown
from gate.model.redact import HIDDEN, redact
from gate.model.steering import ToolConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gate.image.scene import Scene
    from gate.model.origin import Origin
    from gate.model.steering import RunConfig

_ORIGINS = 50
_CREDENTIALS = {".netrc": "netrc", ".pypirc": "pypirc"}
_BOUNDS = DefinitionBounds(file_bytes=1 << 20, nodes=20_000)


class ConfigError(ValueError):
    """A configuration that can't be read; its words are a code."""


def find_tools(scene: Scene, run: RunConfig) -> tuple[ToolConfig, ...]:
    """Return every configuration of an installer that the image has, in the order of their paths."""
    found = [_file(scene, path) for path in sorted(scene.survey.tools)]
    return (*_variables(run), *(one for one in found if one is not None))


def _file(scene: Scene, path: str) -> ToolConfig | None:
    place = find(scene.system.root, path)
    layer = getattr(place[1], "layer", 0) if place is not None else 0
    name = posixpath.basename(path)
    known = {"path": shown(path)[:1000], "layer": layer, "in_base": layer < scene.system.base_layers}
    if name in _CREDENTIALS:
        return ToolConfig(tool=_CREDENTIALS[name], secret=True, **known)
    read = scene.read(path) if scene.file(path) is not None else None
    if read is None:
        return ToolConfig(tool=TOOL_FILES[name], unread="not_a_file", **known)
    text = read.data.decode("utf-8", "replace")
    try:
        origins = tuple(dict.fromkeys(_READERS[TOOL_FILES[name]](text)))
    except ConfigError as error:
        return ToolConfig(tool=TOOL_FILES[name], unread=str(error), secret=_is_secret(text), **known)
    return ToolConfig(tool=TOOL_FILES[name], origins=origins[:_ORIGINS], secret=_is_secret(text), **known)


def _is_secret(text: str) -> bool:
    return redact(text) != text


def _pip(text: str) -> Iterator[Origin]:
    for key, value in PIP_OPTIONS.findall(text):
        places = python_index if "index" in key else link_page
        yield from (places(address) for address in value.split())


def _conda(text: str) -> Iterator[Origin]:
    try:
        root = parse_yaml(text, _BOUNDS)
    except YamlError as error:
        raise ConfigError(error.code) from error
    for key in ("channels", "default_channels", "channel_alias") if isinstance(root, Mapping) else ():
        items = root.items_of(key) if isinstance(root, Mapping) else []
        yield from (conda_channel(one.text) for one in items if isinstance(one, Scalar) and one.text != "nodefaults")


def _uv(text: str) -> Iterator[Origin]:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError("toml_invalid") from error  # noqa: EM101 - a code
    tables = [data, data["pip"]] if isinstance(data.get("pip"), dict) else [data]
    for table in tables:
        yield from (python_index(one) for key in ("index-url", "extra-index-url") for one in _texts(table.get(key)))
        yield from (link_page(one) for one in _texts(table.get("find-links")))
        indexes = table.get("index")
        for one in indexes if isinstance(indexes, list) else ():
            yield from (python_index(text) for text in _texts(one.get("url") if isinstance(one, dict) else None))


def _texts(value: object) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


_READERS: dict[str, Callable[[str], Iterator[Origin]]] = {"pip": _pip, "conda": _conda, "uv": _uv}


def _variables(run: RunConfig) -> Iterator[ToolConfig]:
    for name in sorted(INSTALLERS & run.variables.keys()):
        value = run.variables[name]
        tool = "pip" if name.startswith("PIP_") else "uv" if name.startswith("UV_") else "conda"
        origins = () if name.endswith(("_HOST", "_FILE", "CONDARC")) else tuple(_places(name, value))
        yield ToolConfig(path=f"Env {name}", tool=tool, layer=-1, origins=origins[:_ORIGINS], secret=HIDDEN in value)


def _places(name: str, value: str) -> Iterator[Origin]:
    if "CHANNEL" in name:
        yield from (conda_channel(one) for one in value.replace(",", " ").split())
    elif "LINKS" in name:
        yield from (link_page(one) for one in value.split())
    else:
        for word in value.split():
            # uv takes `name=address` in its lists.
            name, equals, address = word.partition("=")
            yield python_index(address if equals and "://" not in name else word)
