"""What a registry keeps of what is deleted, by its own properties in Resource Manager.

Soft delete is a preview: the stable API says nothing of it, and a registry that says nothing may have it all the same.
Source: "Recover deleted artifacts with soft delete policy in Azure Container Registry (Preview)": 1 to 90 days, by
default 7; what is purged is decided once a day by the setting of that day, so that a later change moves the date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import GateError
from gate.findings.defender.model import Fields, RowError
from gate.model.image import Transport
from gate.registry.reference import split_repository
from gate.registry.retention import SoftDelete

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gate.findings.defender.arm import Arm
    from gate.model.image import ImageRef

API = "2023-11-01-preview"
_LONGEST = 90


class RegistryRetention:
    """Asks the registries that configuration names, anew each time: the setting may change between two deletions."""

    def __init__(self, arm: Callable[[], Arm], registries: Sequence[str]) -> None:
        """Take what asks, and the registries' resource ids."""
        self._arm = arm
        self._registries = tuple(registries)

    def of(self, place: ImageRef) -> SoftDelete:
        """Say what the registry of a place keeps. Raises nothing: what can't be asked is unknown."""
        if place.transport is not Transport.REGISTRY or not self._registries:
            return SoftDelete()
        host = split_repository(place.repository)[0].lower()
        try:
            arm = self._arm()
        except GateError:
            return SoftDelete()
        for registry in self._registries:
            try:
                answer = arm.get(registry, API)
                if Fields(answer, "registry").inner("properties").needed("loginServer").lower() == host:
                    return _read(answer)
            except (GateError, RowError):
                continue  # another of them may be the one; none is unknown
        return SoftDelete()


def kept_by(arm: Arm, registry: str) -> SoftDelete:
    """Say what one registry keeps, by its resource id. Raises nothing: what can't be asked is unknown."""
    try:
        return _read(arm.get(registry, API))
    except (GateError, RowError):
        return SoftDelete()


def _read(registry: object) -> SoftDelete:
    match registry:
        case {"properties": {"policies": {"softDeletePolicy": {"status": str(status), **said}}}}:
            days = said.get("retentionDays")
        case _:
            return SoftDelete()
    if status.lower() == "disabled":
        return SoftDelete(state="off")
    if status.lower() == "enabled" and type(days) is int and 1 <= days <= _LONGEST:
        return SoftDelete(state="on", days=days)
    return SoftDelete()
