"""Where what is declared, what it resolves to and what lies in the image differ."""

from __future__ import annotations

from enum import StrEnum

from gate.model.base import Value
from gate.model.origin import Kind


class DriftKind(StrEnum):
    """How the image differs from what was declared, or resolved."""

    UNDECLARED = "undeclared"
    """It is in the image, and nothing that was declared asks for it."""
    MISSING = "missing"
    """It was declared, or is part of the closed set, and the image lacks it."""
    OTHER_VERSION = "other_version"
    """It is in the image in a version that the declaration, or the closed set, does not allow."""
    OTHER_ORIGIN = "other_origin"
    """It is in the image from another place than it was declared from."""
    VENDORED = "vendored"
    """It lies inside another package, which brought its own copy; nobody declares that."""


class DriftAgainst(StrEnum):
    """With what the image was compared."""

    DECLARED = "declared"
    RESOLVED = "resolved"


class Difference(Value):
    """One difference.

    Attributes:
        kind: how they differ.
        against: with what the image was compared.
        component: `pypi` or `conda`; `os` for an OS package, `local` for code that no package's record names.
        name: of the package, or of the module.
        wanted: the version or origin that was asked for, as written; nothing for what is undeclared; of what is
            vendored the package that it lies in.
        found: the version or origin in the image; nothing for what is missing, or has no version.
        where: `file:line` of the declaration, or where the component's evidence lies.
    """

    kind: DriftKind
    against: DriftAgainst
    component: Kind
    name: str
    wanted: str = ""
    found: str = ""
    where: str = ""


class Drift(Value):
    """The differences of one image, and what was compared.

    Attributes:
        declared: references that were compared.
        resolved: packages of the closed set that were compared; 0 if there is none.
        observed: components that were compared; what the base image brought is not asked for.
        unjudged: references whose name, version or marker can't be told, so that nothing was concluded from them, and
            OS packages of which it can't be told who asks for them.
        differences: sorted, what is vendored last; bounded, so that `total` may be more.
        total: how many differences there are.
    """

    declared: int
    resolved: int = 0
    observed: int
    unjudged: int = 0
    differences: tuple[Difference, ...] = ()
    total: int = 0
