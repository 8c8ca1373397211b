"""An operating system's package: which archive it came from can't be told from the image alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.image import Proof, ProofLevel
from gate.model.origin import Origin, OriginKind

if TYPE_CHECKING:
    from gate.model.image import Component


def prove_os_package(component: Component) -> Proof:
    """Return that it is an operating system's package; `distribution` is what the image says of itself, a claim."""
    location = component.facts.get("distribution", "")
    return Proof(
        level=ProofLevel.UNKNOWN,
        code="os_package",
        origin=Origin(kind=OriginKind.OS_ARCHIVE, location=location or "unknown"),
        evidence={"distribution": location} if location else {},
    )
