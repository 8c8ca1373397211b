"""Where bytes come from, and the kinds of things that come from there."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from gate.model.base import Value
from gate.model.redact import redact_url


class Kind(StrEnum):
    """The kinds of references and components. There is no other."""

    PYPI = "pypi"
    CONDA = "conda"
    IMAGE = "image"
    OS = "os"
    URL = "url"
    VCS = "vcs"
    LOCAL = "local"
    OTHER = "other"


class OriginKind(StrEnum):
    """The kinds of places."""

    PYTHON_INDEX = "python_index"
    CONDA_CHANNEL = "conda_channel"
    IMAGE_REGISTRY = "image_registry"
    BASE_IMAGE = "base_image"
    OS_ARCHIVE = "os_archive"
    URL = "url"
    VCS = "vcs"
    PATH = "path"
    UNKNOWN = "unknown"


class Origin(Value):
    """One place.

    `location` is the short name where the place has one (`pypi`, `conda-forge`, `mcr.microsoft.com`), else its
    address, which loses its credentials here. `implicit` says that nobody wrote it: a tool's default put it in scope.
    """

    kind: OriginKind
    location: Annotated[str, AfterValidator(redact_url)]
    implicit: bool = False


PYPI = "pypi"
"""The name by which policy and reports speak of PyPI; code takes its address from pypi-simple."""

CONDA_FORGE = "conda-forge"
CONDA_DEFAULTS = "defaults"
DOCKER_HUB = "docker.io"


class Disposition(StrEnum):
    """What the gate makes of one reference or component. Undetermined blocks."""

    SAFELISTED = "safelisted"
    GRANTED = "granted"
    BLOCKED = "blocked"
    UNDETERMINED = "undetermined"
