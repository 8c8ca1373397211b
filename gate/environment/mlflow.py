"""MLflow models: `MLmodel`, and `python_env.yaml` with its interpreter and pip requirements."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from gate.environment.conda import load_yaml, pip_item
from gate.environment.found import MISSING, Found
from gate.environment.pip_scope import PipScope
from gate.environment.yaml_tree import Mapping, Scalar
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text
    from gate.environment.yaml_tree import Node


def read(text: Text, reading: Reading) -> None:
    """Read a model's description, or the environment that it names."""
    root = load_yaml(text, reading)
    if root is None:
        return
    if not isinstance(root, Mapping):
        reading.problem("not_mlflow", "no mapping at the top of the file", text, root.line)
        return
    with reading.entering(text.path):
        if root.get("flavors") is not None:
            _model(root, text, reading)
        else:
            _python_env(root, text, reading)


def _python_env(root: Mapping, text: Text, reading: Reading) -> None:
    if (python := root.text("python")) is not None:
        found = Found(kind=Kind.OTHER, name="python", spec=python.text, line=python.line, undetermined="interpreter")
        reading.add(found, (), text)
    scope = PipScope(reading)
    for key in ("build_dependencies", "dependencies"):
        for item in root.items_of(key):
            if isinstance(item, Scalar):
                pip_item(item, text, scope)
            else:
                reading.problem("not_mlflow", "a dependency that is no text", text, item.line)
    scope.close()


def _model(root: Mapping, text: Text, reading: Reading) -> None:
    flavors = root.mapping("flavors")
    named: dict[str, Scalar] = {}
    for flavor in flavors.entries.values() if flavors else ():
        if isinstance(flavor, Mapping) and (env := flavor.get("env")) is not None:
            for scalar in _environments(env):
                named.setdefault(scalar.text, scalar)
    for scalar in named.values():
        _follow(scalar, text, reading)
    if not named:
        reading.problem("no_environment", "no flavor names its environment", text, root.line)


def _environments(env: Node) -> list[Scalar]:
    if isinstance(env, Scalar):
        return [env]
    return [one for one in env.entries.values() if isinstance(one, Scalar)] if isinstance(env, Mapping) else []


def _follow(scalar: Scalar, text: Text, reading: Reading) -> None:
    from gate.environment.detect import detect  # noqa: PLC0415 - the readers know one another through these two alone
    from gate.environment.reader import read_as  # noqa: PLC0415

    target = reading.locate(scalar.text, posixpath.dirname(text.path))
    if target is None:
        found = Found(kind=Kind.OTHER, name=scalar.text, line=scalar.line, undetermined=MISSING)
        reading.add(found, (), text)
    elif target not in reading.files:
        nested = reading.load(target, text.path, scalar.line)
        if nested is not None:
            read_as(detect(nested) or "conda", nested, reading)
