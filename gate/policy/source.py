"""Read the policy's files into types. Where from is decided here, once, and never from the judged project.

The order: the folder that the caller names, else the defaults that travel with the package. The environment
variable `GATE_POLICY` is read by `gate.config`, the working directory by nobody.
"""

from __future__ import annotations

import importlib.resources
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from gate.bounds import MIB
from gate.errors import PolicyError
from gate.model.exception import Grant
from gate.policy.bases import BaseFile
from gate.policy.schema import DecisionPolicy, Policy, Safelist, WorkflowPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_LARGEST = 4 * MIB

Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """YAML without aliases, without tags, without a key said twice: what a reviewer reads is what counts."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            message = "an alias hides what the file says"
            raise yaml.constructor.ConstructorError(None, None, message, mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                message = f"the key `{key}` is said twice"
                raise yaml.constructor.ConstructorError(None, None, message, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


# Dates stay text, so that one parser (the schema's) decides what an instant is.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def embedded() -> Path:
    """Return the folder that holds the defaults' two folders: inside the package, or beside it in a checkout."""
    package = Path(str(importlib.resources.files("gate")))
    inside = package / "defaults"
    return inside if inside.is_dir() else package.parent


def load_policy(folder: Path | None = None) -> Policy:
    """Read a policy: `allowlist/{safelist,policy}.yaml`, `exceptions/workflow.yaml`, `exceptions/grants/*.yaml`.

    The bases in `allowlist/bases/*.yaml` come behind those that the safelist names itself.

    Args:
        folder: holds the two folders; None is the embedded defaults.

    Raises:
        PolicyError: a file is missing, can't be parsed, or says what the schema does not know. All problems at once.
    """
    root = embedded() if folder is None else folder
    grants = sorted((root / "exceptions" / "grants").glob("*.y*ml"))
    safelist = _parse(root / "allowlist" / "safelist.yaml", Safelist)
    bases = tuple(base for path in base_files(root) for base in _parse(path, BaseFile).bases)
    return Policy(
        safelist=safelist.model_copy(update={"base_images": (*safelist.base_images, *bases)}),
        decision=_parse(root / "allowlist" / "policy.yaml", DecisionPolicy),
        workflow=_parse(root / "exceptions" / "workflow.yaml", WorkflowPolicy),
        grants=_unique(tuple(_standing(path) for path in grants)),
    )


def base_files(folder: Path) -> tuple[Path, ...]:
    """Return the files of the catalogue of base images, sorted."""
    return tuple(sorted((folder / "allowlist" / "bases").glob("*.y*ml")))


def read_bases(path: Path) -> BaseFile:
    """Read one file of the catalogue; PolicyError if it is none."""
    return _parse(path, BaseFile)


def policy_problems(folder: Path) -> tuple[PolicyError, ...]:
    """Try every file of a policy by itself; return what is wrong with each, and nothing if all can be read.

    A YAML file that nobody reads is a problem too: whoever wrote it believes that it counts.
    """
    files = {
        folder / "allowlist" / "safelist.yaml": Safelist,
        folder / "allowlist" / "policy.yaml": DecisionPolicy,
        folder / "exceptions" / "workflow.yaml": WorkflowPolicy,
    }
    grants = sorted((folder / "exceptions" / "grants").glob("*.y*ml"))
    bases = base_files(folder)
    tries = [partial(_parse, path, model) for path, model in files.items()]
    tries += [partial(_parse, path, BaseFile) for path in bases]
    tries += [partial(_standing, path) for path in grants]
    problems = [problem for attempt in tries if (problem := _problem(attempt)) is not None]
    for part in ("allowlist", "exceptions"):
        for path in sorted((folder / part).rglob("*")):
            if path.suffix.lower() in {".yaml", ".yml"} and path not in {*files, *bases, *grants}:
                message = f"nobody reads the policy file `{path.relative_to(folder)}`"
                hint = "look for a typo in its name, or move it away"
                problems.append(PolicyError(message, code="policy_file_unread", hint=hint, file=path))
    together = None if problems else _problem(partial(load_policy, folder))
    return (*problems, together) if together else tuple(problems)


def _problem(attempt: Callable[[], object]) -> PolicyError | None:
    try:
        attempt()
    except PolicyError as error:
        return error
    return None


def _standing(path: Path) -> Grant:
    grant = _parse(path, Grant)
    if grant.id != path.stem:
        message = f"`{path.name}` holds the grant `{grant.id}`"
        raise PolicyError(message, code="grant_misnamed", hint="name the file after the grant's id", file=path.name)
    return grant.model_copy(update={"standing": True})


def _unique(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    if len({grant.id for grant in grants}) != len(grants):
        message = "two standing grants have the same id"
        raise PolicyError(message, code="grant_twice", hint="give each grant an id of its own")
    return grants


def _parse(path: Path, model: type[Model]) -> Model:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        message = f"the policy file `{path.name}` can't be read: {error.strerror}"
        raise PolicyError(
            message, code="policy_missing", hint=f"a policy has `{path.parent.name}/{path.name}`", file=path
        ) from error
    if len(data) > _LARGEST:
        message = f"the policy file `{path.name}` is larger than {_LARGEST} bytes"
        raise PolicyError(message, code="policy_too_large", file=path)
    try:
        content = yaml.load(data, Loader=_Loader)  # noqa: S506 - the loader above is a stricter SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        message = f"the policy file `{path.name}` is not YAML: {' '.join(str(error).split())[:300]}"
        raise PolicyError(
            message, code="policy_not_yaml", hint="mend the file at the place named", file=path
        ) from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(
            f"`{'.'.join(str(part) for part in problem['loc']) or '(top)'}`: {problem['msg']}"
            for problem in error.errors()
        )
        message = f"the policy file `{path.name}` is wrong: {problems}"
        raise PolicyError(
            message, code="policy_invalid", hint="unknown keys are refused: look for a typo", file=path
        ) from error
