"""The app roles of the service's own registration in Entra ID, and what each lets a caller do. No role, nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gate.model.principal import Principal


class Permission(StrEnum):
    """What a route may ask of its caller."""

    READ = "read"
    EVALUATE = "evaluate"
    REQUEST = "request"
    DECIDE = "decide"
    SCAN = "scan"
    HOLD = "hold"


ROLES: Mapping[str, frozenset[Permission]] = {
    "Gate.Read": frozenset({Permission.READ}),
    "Gate.Evaluate": frozenset({Permission.READ, Permission.EVALUATE}),
    "Gate.Request": frozenset({Permission.READ, Permission.REQUEST}),
    "Gate.Approve": frozenset({Permission.READ, Permission.DECIDE}),
    "Gate.Scan": frozenset({Permission.SCAN}),
    "Gate.Hold": frozenset({Permission.READ, Permission.HOLD}),
}
"""Values of `roles`, compared character by character. Whoever hands in scans needs to see nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, proved, and what they may do."""

    principal: Principal
    permissions: frozenset[Permission]

    def may(self, *wanted: Permission) -> bool:
        """Say whether the caller has one of these permissions."""
        return not self.permissions.isdisjoint(wanted)


def roles_for(wanted: tuple[Permission, ...]) -> tuple[str, ...]:
    """Name the roles of which one is enough."""
    return tuple(role for role, allowed in ROLES.items() if not allowed.isdisjoint(wanted))


def permissions_of(roles: tuple[str, ...]) -> frozenset[Permission]:
    """Return what all roles together allow; roles of other applications allow nothing."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))
