"""The concrete parts that tell who calls the service, and that prove to a service who calls it from here."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.errors import InputError, UsageError
from gate.http.address import origin_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gate.callers.token import TokenCheck
    from gate.config import Config

_KEY_TRIES = 2
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


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


def bearer_of(config: Config, server: str) -> Callable[[], str] | None:
    """Return what gives the token for each call of a service, or None where this machine only claims who it is.

    Nothing is asked yet: a file is read, and Azure is asked, when the token is needed.

    Raises:
        UsageError: the address is none, or would have the token travel in clear (`token_in_clear`).
    """
    access = config.access
    if access.proves and not origin_of(server).private:
        message = "a token is never sent in clear to another machine"
        raise UsageError(message, code="token_in_clear", hint="name the service by its https address")
    if access.token:
        return lambda: _token(access.token, "GATE_SERVER_TOKEN")
    file, azure = access.token_file, access.identity
    if file is not None:
        return lambda: _token(_read(file, config.service.token_bytes), "GATE_SERVER_TOKEN_FILE")
    if azure is None:
        return None
    from gate.findings.defender.identity import AzureIdentity  # noqa: PLC0415 - an extra, and slow

    identity = AzureIdentity(azure.cloud, azure.tenant, os.environ, config.http)
    return lambda: _token(identity.token(f"{azure.audience}/.default"), "GATE_SERVER_AUDIENCE")


def _read(file: Path, most: int) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(most + 1)
    except OSError as error:
        message = f"`{file}` can't be read: {error.strerror}"
        raise InputError(message, code="token_unreadable", hint="name a file with the token in it") from None
    return data.decode("latin-1") if len(data) <= most else ""


def _token(text: str, key: str) -> str:
    """Return the token alone; what is none is never shown, for it may be another secret."""
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        message = f"`{key}` gives no signed token"
        hint = (
            "take the access token alone: `az account get-access-token --scope AUDIENCE/.default --query accessToken`"
        )
        raise InputError(message, code="token_unreadable", hint=hint)
    return token
