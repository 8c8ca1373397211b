"""Callers with tokens: checked before a byte of the body is read, and held to what the route asks for.

What a route asks for stands at the route (`needs`) and in the OpenAPI document. A route that says nothing lets nobody
in. A claimed identity beside a token is refused and not passed over: whoever sends one believes that it counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from anyio import CapacityLimiter
from starlette.routing import Match

from gate.callers.roles import Caller, Permission, roles_for
from gate.errors import ForbiddenError, GateError
from gate.exceptions.remote import CLAIMED
from gate.service.problems import of_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Any

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from gate.callers.token import TokenCheck

OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""What anybody may ask: probes have no token, and what the service can do is no secret."""
PROVED = "gate_caller"
"""Where the request's scope has its caller."""

_NEEDS = "x-gate-permission"
_AT_ONCE = 8
"""Tokens checked at the same time, on threads that carry out no route: whoever floods keeps nobody else waiting."""


def needs(*wanted: Permission) -> dict[str, Any]:
    """Return what a route declares to the document and to the check: one of these permissions is enough."""
    return {_NEEDS: [one.value for one in wanted]}


def needed(operation: dict[str, Any] | None) -> tuple[Permission, ...]:
    """Return what an operation declares; nothing is enough for one that declares nothing."""
    return tuple(Permission(one) for one in (operation or {}).get(_NEEDS, ()))


class Authenticated:
    """Lets callers pass who prove who they are and may do what they ask for."""

    def __init__(
        self,
        app: ASGIApp,
        check: TokenCheck,
        routes: Callable[[], Sequence[BaseRoute]],
        clock: Callable[[], datetime],
    ) -> None:
        """Wrap the application."""
        self._app = app
        self._check = check
        self._routes = routes
        self._clock = clock
        self._limit: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the token, then what the route needs; the refusal is a problem."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._caller(scope)
            self._permit(caller, scope)
        except GateError as error:
            await of_failure(error)(scope, receive, send)
            return
        await self._app({**scope, PROVED: caller}, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        sent = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        if any(name.lower() == CLAIMED.lower().encode() for name, _ in scope["headers"]):
            message = f"`{CLAIMED}` is no identity here: callers prove who they are"
            raise ForbiddenError(message, code="claim_refused", hint="leave the header out, and send a token")
        self._limit = self._limit or CapacityLimiter(_AT_ONCE)
        now = self._clock()
        return await anyio.to_thread.run_sync(lambda: self._check.caller(sent, now=now), limiter=self._limit)

    def _permit(self, caller: Caller, scope: Scope) -> None:
        """Refuse what the caller's roles don't allow; what is no route at all is the router's to answer."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        asked = {**scope, "method": method}
        route = next((one for one in self._routes() if one.matches(asked)[0] is Match.FULL), None)
        if route is None:
            return
        wanted = needed(getattr(route, "openapi_extra", None))
        if not caller.may(*wanted):
            raise lacking(*wanted)


def lacking(*wanted: Permission) -> ForbiddenError:
    """Return the refusal of somebody whose roles do not allow this."""
    message = "the token's roles do not allow this"
    known = ", ".join(roles_for(wanted)) or "none does"
    return ForbiddenError(message, code="role_lacking", hint=f"a role that does: {known}")
