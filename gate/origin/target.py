"""For which platform and Python a closed set has to be, so that it can be held against an image: as the image says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.errors import InputError
from gate.model.origin import Kind
from gate.origin.requires import machine_of, marker_environment
from gate.resolve.settings import DEFAULT_PYTHON
from gate.resolve.target import GLIBCS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gate.model.image import Inventory
    from gate.model.reference import Declared

_MACHINES = frozenset({"x86_64", "aarch64"})
_GLIBC = re.compile(r"2\.(\d{1,2})(?!\d)")
_LIBRARIES = frozenset({"libc6", "glibc"})
"""What Debian and Azure Linux call the C library."""


def target_of(inventory: Inventory, declared: Declared) -> tuple[str, str]:
    """Return the platform, as `gate.resolve.target.parse_target` names it, and the Python of the image, as `3.11`.

    The Python is that of the most packages, whatever the definition says. An image without a Python package has one
    only if Python packages were declared, and then nobody knows which.

    Raises:
        InputError: `resolve_platform_unknown`, nobody resolves for the machine; `resolve_python_unknown`.
    """
    machine = machine_of(inventory)
    if machine not in _MACHINES or not inventory.image.platform.startswith("linux/"):
        message = f"the image is for `{inventory.image.platform[:60]}`, for which nothing is resolved"
        hint = "build for linux/amd64 or linux/arm64, or take the closed set for advice in policy"
        raise InputError(message, hint=hint, code="resolve_platform_unknown")
    glibc = _glibc(inventory)
    platform = f"linux-{machine}-glibc2.{glibc}" if glibc else f"linux-{machine}"
    environment = marker_environment(inventory)
    if environment is not None:
        return platform, environment["python_version"]
    if any(one.kind is Kind.PYPI for one in declared.references):
        message = "Python packages are declared, and the image holds none that would tell its Python"
        hint = "hand in the definition that the image was built from"
        raise InputError(message, hint=hint, code="resolve_python_unknown")
    return platform, DEFAULT_PYTHON


def _glibc(inventory: Inventory) -> int:
    """Return the minor version of the C library for which wheels are taken; 0 if the image does not tell."""
    versions = (one.version for one in inventory.components if one.kind is Kind.OS and one.name in _LIBRARIES)
    found = {int(match[1]) for version in versions if (match := _GLIBC.match(_upstream(version))) is not None}
    return _highest(known for known in GLIBCS if found and known <= min(found))


def _upstream(version: str) -> str:
    """Return a package's version without its epoch."""
    return version.partition(":")[2] or version


def _highest(numbers: Iterable[int]) -> int:
    return max(numbers, default=0)
