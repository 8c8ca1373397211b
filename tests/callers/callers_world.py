"""The check of tokens as a service makes it, over a simulated authority, at a time that the test names."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from azure_world.sim_state import TENANT
from azure_world.sim_tokens import AUDIENCE, Entra

from gate.callers.roles import Caller
from gate.callers.token import TokenCheck
from gate.config import load_config
from gate.errors import GateError
from gate.wiring_callers import token_check


def check_of(entra: Entra, **more: str) -> TokenCheck:
    settings = {
        "GATE_HOME": "/nowhere",
        "GATE_AZURE_AUTHORITY": entra.address,
        "GATE_TOKEN_AUDIENCES": AUDIENCE,
        "GATE_TOKEN_TENANTS": TENANT,
        "GATE_BOUND_HTTP_ATTEMPTS": "1",
        **more,
    }
    made = token_check(load_config(settings))
    assert made is not None
    return made[0]


def now(**later: float) -> datetime:
    return datetime.fromtimestamp(time.time(), UTC) + timedelta(**later)


def ask(check: TokenCheck, token: str, at: datetime | None = None) -> Caller:
    return check.caller([f"Bearer {token}".encode()], now=at or now())


def refused(check: TokenCheck, token: str, at: datetime | None = None) -> str:
    """Return the code with which a token is refused, and see that the refusal tells nothing of it."""
    with pytest.raises(GateError) as error:
        ask(check, token, at)
    said = f"{error.value.message} {error.value.hint} {error.value.facts}"
    assert error.value.hint
    assert all(part not in said for part in token.split(".") if len(part) > 8)
    return error.value.error_code
