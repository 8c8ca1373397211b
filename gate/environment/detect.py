"""Which format a text is in: by what it says first, by its name where that is not enough."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.environment.text import Text

REQUIREMENTS, CONDA, AML, DOCKERFILE = "requirements", "conda", "aml", "dockerfile"
EXPLICIT, CONDA_LOCK, PIXI_LOCK = "conda_explicit", "conda_lock", "pixi_lock"
MLFLOW, PYPROJECT, LOCK, PIPFILE, SCRIPT = "mlflow", "pyproject", "lock", "pipfile", "script"
CONFIG = "config"

_DOCKERFILE_NAME = re.compile(r"(?i)(?:^|[./_-])(?:docker|container)file(?:$|[._-])|\.dockerfile$")
_DOCKERFILE_TEXT = re.compile(r"(?im)^[ \t]*FROM[ \t]+(?:--platform=\S+[ \t]+)?\S+(?:[ \t]+AS[ \t]+\S+)?[ \t]*$")
_AML_KEY = re.compile(
    r"(?m)^[ \t]*(?:-[ \t]+)?(?:image|conda_file|build|environment|component|code|jobs|inference_config|\$schema"
    r"|command|environment_variables|type|spec|extra_config|flow|azureml|default_resource_policy|deployments?)[ \t]*:"
)
_KEY = r"(?m)^(?:%s)[ \t]*:"
_CONDA_KEY = re.compile(_KEY % "dependencies|channels|prefix|pip-repositories")
_AML_TOP = re.compile(_KEY % r"\$schema|image|conda_file|build|environment|jobs|code|command|asset|spec|extra_config")
# Pipelines of GitHub and Azure DevOps: their `environment` is a place to deploy to.
_PIPELINE = re.compile(r"(?m)^[ \t]*runs-on[ \t]*:|^(?:pool|stages|steps|trigger)[ \t]*:")
_MLFLOW_KEY = re.compile(_KEY % "python|build_dependencies")
_CONDA_LOCK_KEY = re.compile(r"(?m)^(?:package|metadata)[ \t]*:")
# Blanks are taken once: two ways to share a line of them among two `*` are as many as it has blanks, squared.
_MANAGER_KEY = re.compile(r"(?m)^[ \t]*+(?:-[ \t]*+)?manager[ \t]*:")
_PIXI_KEY = re.compile(r"(?m)^environments[ \t]*:")
_SCRIPT = re.compile(r"(?m)^# /// script$")
_YAML_NAME = re.compile(r"(?i)\.ya?ml(?:\.[a-z0-9]+)?$")

_NAMES = {
    "pyproject.toml": PYPROJECT,
    "pylock.toml": LOCK,
    "uv.lock": LOCK,
    "poetry.lock": LOCK,
    "pdm.lock": LOCK,
    "pipfile.lock": PIPFILE,
    "pipfile": PIPFILE,
    "pixi.lock": PIXI_LOCK,
    "pixi.toml": PYPROJECT,
    "mlmodel": MLFLOW,
    "pip.conf": CONFIG,
    "pip.ini": CONFIG,
    "uv.toml": CONFIG,
    ".condarc": CONFIG,
    "condarc": CONFIG,
}


def detect(text: Text) -> str:
    """Return the name of the format; empty when it is none that is known."""
    name = text.path.rpartition("/")[2].lower()
    if known := _NAMES.get(name):
        return known
    if re.fullmatch(r"pylock\.[^.]+\.toml", name):
        return LOCK
    if re.search(r"(?m)^@EXPLICIT[ \t\r]*$", text.content[:4096]):
        return EXPLICIT
    if _YAML_NAME.search(name):
        return _yaml(text, name)
    if _DOCKERFILE_NAME.search(name):
        return DOCKERFILE
    return _by_content(text, name)


def _yaml(text: Text, name: str) -> str:
    head = text.content
    if "conda-lock" in name or (_CONDA_LOCK_KEY.search(head) and _MANAGER_KEY.search(head)):
        return CONDA_LOCK
    if (
        _MLFLOW_KEY.search(head)
        and re.search(_KEY % "build_dependencies|dependencies", head)
        and "channels:" not in head
    ):
        return MLFLOW
    if _CONDA_KEY.search(head) and not _AML_TOP.search(head):
        return CONDA
    return AML if _AML_KEY.search(head) and not _PIPELINE.search(head) else ""


def _by_content(text: Text, name: str) -> str:
    content = text.content
    if name.endswith(".py"):
        return SCRIPT if _SCRIPT.search(content) else ""
    if name.endswith((".txt", ".in", ".pip", ".requirements")) or "requirements" in name or "constraints" in name:
        return REQUIREMENTS
    if name.endswith(".toml"):
        return _toml(content)
    if _DOCKERFILE_TEXT.search(content) and not content.lstrip().startswith(("{", "[")):
        return DOCKERFILE
    if _CONDA_KEY.search(content) or _AML_KEY.search(content):
        return _yaml(text, name)
    return ""


def _toml(content: str) -> str:
    if re.search(r"(?m)^\[(?:project|tool\.|dependency-groups|build-system)", content):
        return PYPROJECT
    return LOCK if re.search(r"(?m)^(?:lock-version|\[\[packages?\]\])", content) else ""
