"""The concrete parts that tell who calls the service, and that prove to a service who calls it from here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.callers.token import TokenCheck
    from gate.config import Config

_KEY_TRIES = 2


def token_check(config: Config) -> tuple[TokenCheck, Callable[[], None]] | None:
    """Return what checks callers' tokens and what closes it, or None where the service takes no tokens."""
    if config.tokens is None:
        return None
    from gate.callers.keys import TenantKeys  # noqa: PLC0415 - what takes no tokens pays for none
    from gate.callers.token import TokenCheck  # noqa: PLC0415
    from gate.http.client import HttpClient  # noqa: PLC0415

    longest = config.service.keys_wait
    http = config.http
    bounds = replace(
        http,
        connect=min(http.connect, longest),
        read=min(http.read, longest),
        total=min(http.total, longest),
        attempts=min(http.attempts, _KEY_TRIES),
    )
    client = HttpClient(bounds)
    keys = TenantKeys(config.tokens, client, config.service)
    return TokenCheck(config.tokens, keys, most_bytes=config.service.token_bytes), client.close
