"""Conda environment files: channels, `channel::package`, the pip section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.matchspec import InvalidMatchSpecError, parse_matchspec
from gate.environment.pip_scope import PipScope
from gate.environment.places import IMPLICIT_DEFAULTS, conda_channel
from gate.environment.requirements import read_line
from gate.environment.yaml_tree import Mapping, Node, Scalar, Sequence, YamlError, parse_yaml
from gate.model.origin import CONDA_DEFAULTS, Origin

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text

_CHANNELS = ("channels", "channel")


def read(text: Text, reading: Reading) -> None:
    """Read an environment file of its own."""
    root = load_yaml(text, reading)
    if root is None:
        return
    if not isinstance(root, Mapping):
        reading.problem("not_conda", "no mapping at the top of the file", text, root.line)
        return
    with reading.entering(text.path):
        read_environment(root, text, reading)


def load_yaml(text: Text, reading: Reading) -> Node | None:
    """Parse the text; None and an error problem when it can't be, or when it is empty."""
    try:
        root = parse_yaml(text.content, reading.bounds)
    except YamlError as error:
        reading.problem(error.code, str(error), text, error.line)
        return None
    if root is None or (isinstance(root, Scalar) and root.null):
        reading.problem("empty", "the file says nothing", text, 1)
        return None
    return root


def read_environment(root: Mapping, text: Text, reading: Reading) -> None:
    """Read the mapping of an environment, from a file of its own or inline in another."""
    origins = _channels(root, text, reading)
    dependencies = root.get("dependencies")
    if dependencies is None:
        reading.problem("no_dependencies", "no list of dependencies", text, root.line)
        return
    if not isinstance(dependencies, Sequence):
        reading.problem("not_conda", "`dependencies` is no list", text, dependencies.line)
        return
    scope = PipScope(reading)
    for item in root.items_of("pip-repositories"):
        if isinstance(item, Scalar):
            scope.add_index(item.text, text, item.line)
    if (variables := root.mapping("variables")) is not None:
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            if value := variables.text(name):
                scope.add_index(value.text, text, value.line)
    for item in dependencies.items:
        _dependency(item, origins, text, scope)
    scope.close()


def _channels(root: Mapping, text: Text, reading: Reading) -> tuple[Origin, ...]:
    named = [item for key in _CHANNELS for item in root.items_of(key)]
    origins: list[Origin] = []
    nodefaults = False
    for item in named:
        if not isinstance(item, Scalar):
            reading.problem("not_conda", "a channel that is no text", text, item.line)
        elif item.text.strip() == "nodefaults":
            nodefaults = True
        else:
            origin = conda_channel(item.text)
            origins.append(origin)
            reading.source(origin, text, item.line)
    if not origins:
        line = root.keys.get("dependencies", root.line)
        reading.source(IMPLICIT_DEFAULTS, text, line)
        return (IMPLICIT_DEFAULTS,)
    if not nodefaults and all(origin.location != CONDA_DEFAULTS for origin in origins):
        message = "conda may add `defaults` by its own configuration; list `nodefaults` to forbid it"
        reading.problem("implicit_defaults", message, text, named[0].line, error=False)
    return tuple(dict.fromkeys(origins))


def _dependency(item: Node, origins: tuple[Origin, ...], text: Text, scope: PipScope) -> None:
    match item:
        case Scalar():
            hold_package(item.text, item.line, origins, text, scope.reading)
        case Mapping():
            _section(item, text, scope)
        case _:
            scope.reading.problem("not_conda", "a dependency that is neither text nor a section", text, item.line)


def hold_package(spec: str, line: int, origins: tuple[Origin, ...], text: Text, reading: Reading) -> None:
    """Read one match spec and keep it with the channels in scope, or the one that it names itself."""
    try:
        conda = parse_matchspec(spec, line)
    except InvalidMatchSpecError as error:
        reading.problem("invalid_matchspec", str(error), text, line)
        return
    reading.add(conda.found, (conda.channel,) if conda.channel else origins, text)


def _section(section: Mapping, text: Text, scope: PipScope) -> None:
    for name, node in section.entries.items():
        line = section.keys.get(name, section.line)
        if name != "pip":
            scope.reading.problem("unknown_section", f"`{name}` is no installer that is known", text, line)
            continue
        if not isinstance(node, Sequence):
            if not (isinstance(node, Scalar) and node.null):
                scope.reading.problem("not_conda", "`pip` is no list", text, line)
            continue
        for item in node.items:
            if isinstance(item, Scalar):
                pip_item(item, text, scope)
            else:
                scope.reading.problem("not_conda", "a pip requirement that is no text", text, item.line)


def pip_item(item: Scalar, text: Text, scope: PipScope) -> None:
    """Read one item of a pip section: conda writes the items into a requirements file, one a line."""
    for offset, one in enumerate(item.text.splitlines()):
        content = one.partition(" #")[0].strip()
        if content and not content.startswith("#"):
            read_line(content, item.line + (offset + 1 if item.block else 0), text, scope)
