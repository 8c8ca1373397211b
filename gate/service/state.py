"""What the routers work with: one gate and one policy, made at start and kept in the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from gate.policy.schema import Policy
from gate.wiring import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The gate and the policy that was in force when the service started."""

    gate: Gate
    policy: Policy


def state_of(request: Request) -> State:
    """Return the application's state."""
    return cast("State", request.app.state.gate_state)
