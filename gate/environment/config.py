"""Configuration that puts indexes and channels in scope: pip.conf, uv.toml, .condarc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.conda import load_yaml
from gate.environment.configured import PIP_OPTIONS, condarc_channels
from gate.environment.indexes import Indexes
from gate.environment.lines import Finder
from gate.environment.pip_scope import PipScope
from gate.environment.places import conda_channel
from gate.environment.pyproject import declare_uv, load_toml
from gate.environment.yaml_tree import Mapping

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text


def read(text: Text, reading: Reading) -> None:
    """Read one of the files; it holds sources and no references."""
    name = text.path.rpartition("/")[2].lower()
    if name.endswith("condarc"):
        _condarc(text, reading)
    elif name == "uv.toml":
        data = load_toml(text, reading)
        if data is not None:
            declare_uv(data, Indexes(reading, Finder(text)))
    else:
        _pip(text, reading)


def _condarc(text: Text, reading: Reading) -> None:
    root = load_yaml(text, reading)
    if not isinstance(root, Mapping):
        return
    for item in condarc_channels(root):
        reading.source(conda_channel(item.text), text, item.line)


def _pip(text: Text, reading: Reading) -> None:
    scope, finder = PipScope(reading), Finder(text)
    for key, value in PIP_OPTIONS.findall(text.content):
        for address in value.split():
            line = finder.next(address)
            match key.replace("-", "_"):
                case "index":
                    scope.set_index(address, text, line)
                case "extra_index":
                    scope.add_index(address, text, line)
                case _:
                    scope.add_links(address, text, line)
