"""Who acts: a tenant and an object id, never a name that its owner can change."""

from __future__ import annotations

from enum import StrEnum

from gate.model.base import Value


class PrincipalKind(StrEnum):
    """People approve; services never do."""

    USER = "user"
    SERVICE = "service"


class Principal(Value):
    """An identity. `claimed` says that no token proved it."""

    tenant: str
    object_id: str
    kind: PrincipalKind = PrincipalKind.USER
    claimed: bool = True

    @property
    def key(self) -> str:
        """`tenant/object_id`, lower case: what identities are compared by."""
        return f"{self.tenant}/{self.object_id}".lower()


SYSTEM = Principal(tenant="gate", object_id="system", kind=PrincipalKind.SERVICE, claimed=False)
"""The gate itself, where it acts unasked."""
