"""Which components of an image this source answers for, and under which names it looks them up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from packaging.utils import canonicalize_name

from gate.model.base import Value
from gate.model.image import Component
from gate.model.origin import Kind

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


class Pin(Value):
    """A package to audit: PEP 503 name, and the version exactly as it is installed."""

    name: str
    version: str


def answered_for(components: Iterable[Component]) -> tuple[Component, ...]:
    """Return the components that are counted here: Python packages of any origin, and conda packages."""
    return tuple(component for component in components if component.kind is Kind.CONDA or component.is_python)


def pins_of(component: Component, conda_names: Mapping[str, tuple[str, ...]]) -> tuple[Pin, ...]:
    """Return what to audit for a component; none if it has no name in the advisories.

    A conda package has the PyPI names that the imported name map gives it; without an entry it is a known unknown.
    """
    names = conda_names.get(component.name, ()) if component.kind is Kind.CONDA else (component.name,)
    if not all(_NAME.fullmatch(name) for name in names):
        return ()
    return tuple(Pin(name=canonicalize_name(name), version=component.version) for name in names)


def label(component: Component) -> str:
    """Name a component that was not audited: `kind/name@version`."""
    return f"{component.kind}/{component.name}@{component.version}"
