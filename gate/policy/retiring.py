"""What policy says of taking a released image out of service."""

from __future__ import annotations

from gate.model.base import Value
from gate.policy.users import EVERY_USER, UserKind
from gate.policy.words import Duration


class RetirementPolicy(Value):
    """How a released image is taken out of service. Two people agree on it in any case.

    Attributes:
        unlock: lets the gate lift the locks that it, or somebody else, set on a release; else a locked one stays.
        grace: how long its bytes are kept where nobody can pull them; without it they are deleted at once.
        users: the kinds of users for whom it is refused; the others are not asked.
        force: whether two people may have it done whoever uses it.
        proved: whether only identities that a token proved may ask for it and agree to it.
    """

    unlock: bool = False
    grace: Duration | None = None
    users: tuple[UserKind, ...] = EVERY_USER
    force: bool = False
    proved: bool = False
