"""Environment assets whose build context is a template: the asset's own configuration resolves it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from gate.environment.yaml_tree import Mapping, YamlError, parse_yaml

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text


def context_of(text: Text, line: int, reading: Reading) -> str:
    """Return the build context of an asset's `spec.yaml`, relative to it; empty if nothing tells it.

    The asset's extra configuration says it (`image.context.path`). Where that file is not there, `context/` is what
    such assets use by convention; what is read from a guess is reported, and the guess makes it unparseable.
    """
    folder = posixpath.dirname(text.path)
    for name in ("asset.yaml", "asset.yml"):
        asset = _mapping(name, folder, reading)
        extra = asset.text("extra_config") if asset else None
        config = _mapping(extra.text, folder, reading) if extra else None
        context = _path(config) if config else ""
        if context:
            return context
    if reading.locate("context/Dockerfile", folder) is None:
        return ""
    message = "the build path is a template; `context/` was read by convention: render the file to be sure"
    reading.problem("template_path", message, text, line)
    return "context"


def _path(config: Mapping) -> str:
    node = config.mapping("image")
    context = node.mapping("context") if node else None
    path = context.text("path") if context else None
    return path.text.strip() if path else ""


def _mapping(name: str, folder: str, reading: Reading) -> Mapping | None:
    target = reading.locate(name, folder)
    content = reading.load(target) if target else None
    if content is None:
        return None
    try:
        root = parse_yaml(content.content, reading.bounds)
    except YamlError as error:
        reading.problem(error.code, str(error), content, error.line)
        return None
    return root if isinstance(root, Mapping) else None
