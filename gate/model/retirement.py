"""Taking a released image out of service, and back: what is asked for, by whom, who agreed, and how far it is."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum

from pydantic import Field, model_validator

from gate.model.base import Instant, Value, canonical_json, unsaid
from gate.model.digest import Digest
from gate.model.principal import Principal


class RetirementAction(StrEnum):
    """`retire` takes an image out of service; `reinstate` lets a retired one be decided on anew."""

    RETIRE = "retire"
    REINSTATE = "reinstate"


class RetirementState(StrEnum):
    """How far it is. `acting` is under way, or was when its process died; from `approved` on nothing is released."""

    REQUESTED = "requested"
    DENIED = "denied"
    APPROVED = "approved"
    ACTING = "acting"
    HIDDEN = "hidden"
    """Nobody can pull it, and its bytes are kept until `due_at`."""
    RETIRED = "retired"
    """Its bytes are gone from the place."""
    LIFTED = "lifted"
    """It was reinstated since: an evaluation may release it again."""
    DONE = "done"
    """Of a reinstatement: it is carried out."""


ENDED = frozenset({RetirementState.DENIED, RetirementState.LIFTED, RetirementState.DONE})
"""From here a new round may be asked for."""
BLOCKING = (RetirementState.APPROVED, RetirementState.ACTING, RetirementState.HIDDEN, RetirementState.RETIRED)
"""While a retirement stands so, nothing releases the digest."""
UNFINISHED = (RetirementState.APPROVED, RetirementState.ACTING, RetirementState.HIDDEN)


class Retirement(Value):
    """One image in one release place. `round` counts how often it was asked for there.

    Attributes:
        forced: users are named and do not stop it; whoever approves, approves that too.
        plan: what was to be done, by digest; the intent.
        receipt: what was read back after it was hidden or deleted, by digest.
        deletion: what was read back after what was hidden was deleted, by digest.
        due_at: from when on hidden bytes may be deleted.
        error_code: why the last try to carry it out failed.
    """

    id: str
    action: RetirementAction
    place: str
    digest: Digest
    reason: str
    requester: Principal
    requested_at: Instant
    forced: bool = False
    state: RetirementState = RetirementState.REQUESTED
    round: int = Field(default=1, ge=1)
    decided_by: Principal | None = Field(default=None, exclude_if=unsaid)
    decided_at: Instant | None = Field(default=None, exclude_if=unsaid)
    comment: str = Field(default="", exclude_if=unsaid)
    plan: Digest | None = Field(default=None, exclude_if=unsaid)
    receipt: Digest | None = Field(default=None, exclude_if=unsaid)
    deletion: Digest | None = Field(default=None, exclude_if=unsaid)
    due_at: Instant | None = Field(default=None, exclude_if=unsaid)
    error_code: str = Field(default="", exclude_if=unsaid)

    @model_validator(mode="after")
    def _four_eyes(self) -> Retirement:
        decided = self.state is not RetirementState.REQUESTED
        if decided and (self.decided_by is None or self.decided_at is None):
            message = "somebody decided on it"
            raise ValueError(message)
        agreed = decided and self.state is not RetirementState.DENIED
        if agreed and self.decided_by is not None and self.decided_by.key.casefold() == self.requester.key.casefold():
            message = "nobody approves their own request"
            raise ValueError(message)
        return self


def retirement_id(action: RetirementAction, place: str, digest: Digest) -> str:
    """Return the id, the same for every round."""
    raw = hashlib.sha256(canonical_json([action.value, place, digest])).digest()[:10]
    return "RTR-" + base64.b32encode(raw).decode().lower()
