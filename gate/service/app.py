"""The application factory: routers, problems, a sweeper that adopts what dead processes left, and second looks."""

from __future__ import annotations

import logging
import threading
import traceback
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from gate import __version__
from gate.model.redact import redact
from gate.service import checks, contract, decisions, discards, evaluations, exceptions, health, problems, scans
from gate.service.edge import BoundedBody, Edge, HeadAsGet, LoopbackOnly
from gate.service.state import State
from gate.service.tokens import Authenticated
from gate.wiring import clock, open_gate
from gate.wiring_azure import revisits_of
from gate.wiring_callers import token_check
from gate.wiring_discards import due_of
from gate.wiring_stores import Stores
from gate.wiring_users import retirement_turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.routing import BaseRoute

    from gate.config import Config
    from gate.policy.schema import Policy

_ROUTERS = (
    evaluations.router,
    checks.router,
    exceptions.router,
    decisions.router,
    discards.router,
    scans.router,
    health.router,
)
_SWEEPS_A_LEASE = 2
_log = logging.getLogger("gate.service")


def create_app(config: Config, policy: Policy) -> FastAPI:
    """Return the application; its database and its durable engine open when it starts and close when it ends.

    Should it not start, `app.state.failure` says why.
    """
    callers = token_check(config)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as stack:
            if callers is not None:
                stack.callback(callers[1])
            try:
                gate = stack.enter_context(open_gate(config, policy))
            except Exception as error:
                app.state.failure = error
                raise
            app.state.gate_state = State(gate=gate, policy=policy)
            stop = threading.Event()
            pause = config.lease.total_seconds() / _SWEEPS_A_LEASE
            revisits = revisits_of(gate.defender, gate.engine, gate.intake, clock)
            due = due_of(config, policy, gate.engine, Stores(config), clock)
            turns = retirement_turns(config, gate.engine, policy, clock)
            # A thread each: whoever waits for Azure or a registry must not keep a dead process's runs waiting.
            for once in (gate.intake.sweep, revisits.once, due.once, turns.once):
                sweeper = threading.Thread(target=sweep, args=(once, stop, pause), daemon=True)
                sweeper.start()
                stack.callback(sweeper.join)
            stack.callback(stop.set)
            yield

    # No redirects: what is not there under its own name is not there.
    app = FastAPI(
        title="gate",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        description="Lets an image pass into production, or says exactly why not and what to do.",
    )
    for router in _ROUTERS:
        app.include_router(router, responses=dict(problems.RESPONSES))
    problems.install(app)
    contract.install(app, tokens=callers is not None)
    app.add_middleware(HeadAsGet)
    app.add_middleware(BoundedBody, bounds=config.service, report_bytes=config.defender.artifact_bytes)
    if callers is None:
        app.add_middleware(LoopbackOnly)
    else:
        app.add_middleware(Authenticated, check=callers[0], routes=lambda: _routes(app), clock=clock)
    app.add_middleware(Edge)
    return app


def _routes(app: FastAPI) -> list[BaseRoute]:
    """Return the routes in the order in which they are tried; those of a router by themselves, for they say more."""
    return [*(route for router in _ROUTERS for route in router.routes), *app.routes]


def sweep(once: Callable[[], int], stop: threading.Event, pause: float) -> None:
    """Adopt lapsed runs, at once and then every `pause` seconds; whatever fails is tried again at the next turn."""
    while True:
        try:
            once()
        except Exception as error:  # noqa: BLE001 - a sweeper that died in silence would leave runs to nobody
            _log.warning("%s", redact("".join(traceback.format_exception_only(error))).strip())
        if stop.wait(pause):
            return
