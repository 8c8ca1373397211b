"""What the routers work with: one gate and one policy, made at start and kept in the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

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


Stated = Annotated[State, Depends(state_of)]
"""The parameter of a route that works with the state."""
