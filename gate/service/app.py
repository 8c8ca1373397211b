"""The application factory: routers, problems, and a sweeper that adopts what dead processes left."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from fastapi import FastAPI

from gate import __version__
from gate.errors import GateError
from gate.service import checks, decisions, evaluations, exceptions, health, problems
from gate.service.caller import LoopbackOnly
from gate.service.state import State
from gate.wiring import open_gate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gate.config import Config
    from gate.policy.schema import Policy

_SWEEPS_A_LEASE = 2


def create_app(config: Config, policy: Policy) -> FastAPI:
    """Return the application; its database and its durable engine open when it starts and close when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with open_gate(config, policy) as gate:
            app.state.gate_state = State(gate=gate, policy=policy)
            stop = threading.Event()
            pause = config.lease.total_seconds() / _SWEEPS_A_LEASE
            sweeper = threading.Thread(target=_sweep, args=(app.state.gate_state, stop, pause), daemon=True)
            sweeper.start()
            try:
                yield
            finally:
                stop.set()
                sweeper.join()

    app = FastAPI(title="gate", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    for module in (evaluations, checks, exceptions, decisions, health):
        app.include_router(module.router)
    problems.install(app)
    app.add_middleware(LoopbackOnly)
    return app


def _sweep(state: State, stop: threading.Event, pause: float) -> None:
    """Adopt lapsed runs, at once and then every so often; a failing database is tried again at the next turn."""
    while True:
        with suppress(GateError):  # the next turn tries again; what can't be kept is not begun
            state.gate.intake.sweep()
        if stop.wait(pause):
            return
