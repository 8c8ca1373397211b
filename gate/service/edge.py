"""What every request passes before a router sees it: who may call, how much may be sent, what an answer always has.

From the outside in: `Edge` answers the unforeseen, and sets the headers of every answer; `LoopbackOnly` refuses what
does not come from this machine; `BoundedBody` cuts off bodies that are too large or too slow; `HeadAsGet` answers HEAD.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from gate.http.address import is_loopback
from gate.model.redact import redact
from gate.service.problems import of_failure, problem

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gate.bounds import ServiceBounds

_log = logging.getLogger("gate.service")

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
_UNLESS_SET = (b"cache-control", b"private, no-cache")
_FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")


class Edge:
    """The outermost: no failure leaves as a traceback, and every answer has the headers that keep it harmless."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; an error that nobody foresaw is written to the log, redacted, and answered as a problem.

        An answer that has begun can't be replaced: then the connection is broken, so that nobody takes it for whole.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(_with_headers(message))

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            _log.error("%s", redact("".join(traceback.format_exception(error))))
            if begun:
                raise
            await of_failure(error)(scope, receive, sending)


def _with_headers(message: Message) -> Message:
    if message["type"] != "http.response.start":
        return message
    headers = list(message.get("headers", ()))
    names = {name.lower() for name, _ in headers}
    headers += _ALWAYS
    if _UNLESS_SET[0] not in names:
        headers.append(_UNLESS_SET)
    return {**message, "headers": headers}


class LoopbackOnly:
    """Answers callers on this machine that name it by its own name.

    Until tokens are checked, whoever reaches the service can claim to be anybody. So nothing that comes from elsewhere
    is answered, nor what was passed on from elsewhere, nor what a web page in a browser of this machine sends.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what comes from, or is addressed to, anything but this machine."""
        if scope["type"] == "http" and not _is_ours(scope):
            answer = problem(403, "not_loopback", "the service answers this machine alone", "call 127.0.0.1 itself")
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_ours(scope: Scope) -> bool:
    client = scope.get("client")
    values: MutableMapping[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        values.setdefault(name.lower(), []).append(value.decode("latin-1"))
    hosts, origins = values.get(b"host", []), values.get(b"origin", [])
    return (
        client is not None
        and is_loopback(client[0])
        and len(hosts) == 1
        and _names_us(f"//{hosts[0]}")
        and all(_names_us(origin) for origin in origins)
        and not any(name in values for name in _FORWARDED)
    )


def _names_us(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    plain = "@" not in parts.netloc and not (parts.path or parts.query or parts.fragment)
    return plain and is_loopback(parts.hostname or "")


class BoundedBody:
    """Cuts off a body that is larger, or takes longer, than bounds allow."""

    def __init__(self, app: ASGIApp, bounds: ServiceBounds, report_bytes: int | None = None) -> None:
        """Wrap the application; `report_bytes` is the largest scan report, if smaller than other bodies."""
        self._app = app
        self._bounds = bounds
        self._report_bytes = bounds.body_bytes if report_bytes is None else report_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what announces too much, and stop reading what turns out to be too much or too slow."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, seconds = self._bounds.body_bytes, self._bounds.body_seconds
        if scope["path"].endswith("/approve"):
            limit, seconds = self._bounds.upload_bytes, self._bounds.upload_seconds
        elif scope["path"].startswith("/v1/scans/"):
            limit = min(limit, self._report_bytes)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced[:20]) > limit:
            await problem(413, "body_too_large", *_too_large(limit))(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, limit, seconds), send)


def _too_large(limit: int) -> tuple[str, str]:
    return f"the body has more than {limit} bytes", "send less, or raise the bound"


def _bounded(receive: Receive, limit: int, seconds: float) -> Receive:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    room, whole = limit, False

    async def next_part() -> Message:
        nonlocal room, whole
        if whole:  # what follows is the end of the connection, for which one may wait
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, until - loop.time()))
        except TimeoutError:
            raise HTTPException(408, "the body did not arrive in time") from None
        room -= len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if room < 0:
            raise HTTPException(413, _too_large(limit)[0])
        return message

    return next_part


class HeadAsGet:
    """Answers HEAD as GET is answered, without the body (RFC 9110 §9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the application for GET, and keep the body back."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            part: dict[str, Any] = dict(message)
            if part["type"] == "http.response.body":
                part["body"] = b""
            await send(part)

        await self._app({**scope, "method": "GET", "gate_method": "HEAD"}, receive, without_body)
