"""What installed packages say that they need, and what that explains: nobody declares what a declared package brings.

Sources: PyPA "Core metadata" (`Requires-Dist`), PEP 508 (markers, extras), conda's `depends`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from gate.errors import InputError
from gate.image.components.conda import CondaError, record_of
from gate.image.metadata import MetadataError, headers_of
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gate.model.image import Component, Inventory
    from gate.origin.interface import InstalledFiles

_SITE = re.compile(r"(?:^|/)lib(?:64)?/python(3\.\d+)t?/")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}
_MOST = 10_000
"""Requirements of one package that are read; real ones have some dozens."""

SEEDS = frozenset({"pip", "setuptools", "wheel"})
"""What tools that make environments put into them unasked."""


def marker_environment(inventory: Inventory) -> dict[str, str] | None:
    """Return what markers are evaluated against in this image; None if its Python can't be told.

    The Python is that of the most packages. Of the full version only major and minor are known.
    """
    versions = Counter(match[1] for one in inventory.components if (match := _SITE.search(one.path)) is not None)
    if not versions:
        return None
    version = versions.most_common(1)[0][0]
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{version}.0",
        "os_name": "posix",
        "platform_machine": machine_of(inventory),
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{version}.0",
        "python_version": version,
        "sys_platform": "linux",
    }


def machine_of(inventory: Inventory) -> str:
    """Return the machine that the image is for, as Python calls it."""
    architecture = "".join(inventory.image.platform.split("/")[1:2])
    return _MACHINES.get(architecture, architecture)


def holds(marker: Marker, environment: Mapping[str, str] | None, extra: str = "") -> bool | None:
    """Say whether a marker holds in an image; None if it can't be told."""
    if environment is None:
        return None
    try:
        return marker.evaluate({**environment, "extra": extra})
    except (UndefinedComparison, UndefinedEnvironmentName, ValueError):
        return None


class Needs:
    """What the packages of one image need, read from their own metadata when it is asked for."""

    def __init__(
        self, components: Sequence[Component], files: InstalledFiles, environment: Mapping[str, str] | None
    ) -> None:
        """Read nothing yet."""
        self._files = files
        self._environment = environment
        self._named: dict[tuple[Kind, str], list[Component]] = defaultdict(list)
        for component in components:
            kind = Kind.CONDA if component.kind is Kind.CONDA else Kind.PYPI
            self._named[kind, component.name].append(component)

    def explained(self, wanted: Iterable[tuple[Kind, str, Iterable[str]]]) -> set[tuple[Kind, str]]:
        """Return every name that something wanted needs, directly or not, and the wanted themselves.

        Args:
            wanted: kind, name and extras. A requirement whose marker can't be evaluated explains what it names.
        """
        seen: set[tuple[Kind, str, str]] = set()
        todo = [(kind, name, extra) for kind, name, extras in wanted for extra in ("", *extras)]
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            kind, name, extra = one
            for component in self._named.get((kind, name), ()):
                todo.extend(self._conda(component) if kind is Kind.CONDA else self._python(component, extra))
        return {(kind, name) for kind, name, _ in seen}

    def _conda(self, component: Component) -> Iterator[tuple[Kind, str, str]]:
        try:
            depends = record_of(self._files.metadata(component)).get("depends")
        except (CondaError, InputError):
            return  # a problem since it was first read
        for text in depends[:_MOST] if isinstance(depends, list) else ():
            yield Kind.CONDA, str(text).split(" ", 1)[0].split("[", 1)[0].lower(), ""

    def _python(self, component: Component, extra: str) -> Iterator[tuple[Kind, str, str]]:
        try:
            lines = headers_of(self._files.metadata(component)).get("requires-dist", [])[:_MOST]
        except MetadataError:
            return  # as above
        for line in lines:
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue
            marker = requirement.marker
            if marker is None or holds(marker, self._environment, extra) is not False:
                yield from ((Kind.PYPI, canonicalize_name(requirement.name), one) for one in ("", *requirement.extras))
