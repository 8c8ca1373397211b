"""The edge by itself: what a real server would have to be made to do."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NoReturn

import pytest
from starlette.exceptions import HTTPException

from gate.bounds import ServiceBounds
from gate.service.edge import BoundedBody, Edge

SCOPE = {"type": "http", "method": "POST", "path": "/v1/checks", "headers": []}


async def nothing() -> dict[str, Any]:
    await asyncio.sleep(30)
    return {"type": "http.disconnect"}


def test_an_answer_that_breaks_off_is_broken_and_not_taken_for_whole(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[Any] = []

    async def breaking(_: Any, __: Any, send: Any) -> NoReturn:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        message = "postgresql://gate:hunter2@db/gate"
        raise RuntimeError(message)

    async def send(message: Any) -> None:
        sent.append(message)

    with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError):
        asyncio.run(Edge(breaking)(SCOPE, nothing, send))
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert "hunter2" not in caplog.text


def test_a_silent_body_is_given_up() -> None:
    async def reading(_: Any, receive: Any, __: Any) -> None:
        await receive()

    async def send(_: Any) -> None:
        """Take nothing."""

    app = BoundedBody(reading, ServiceBounds(body_seconds=0.01))
    with pytest.raises(HTTPException) as late:
        asyncio.run(app(SCOPE, nothing, send))
    assert late.value.status_code == 408


def test_the_end_of_the_connection_may_be_waited_for() -> None:
    messages = [{"type": "http.request", "body": b"{}", "more_body": False}, {"type": "http.disconnect"}]
    seen: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(0.02 * (len(messages) == 1))
        return messages.pop(0)

    async def reading(_: Any, receive: Any, __: Any) -> None:
        seen.extend([await receive(), await receive()])

    app = BoundedBody(reading, ServiceBounds(body_seconds=0.01))
    asyncio.run(app(SCOPE, receive, receive))  # type: ignore[arg-type]  # nothing is sent
    assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]
