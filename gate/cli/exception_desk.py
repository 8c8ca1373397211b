"""The desk that `gate exception` speaks to: here, or a gate service; who acts there, and how an answer is shown."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from gate.config import load_config
from gate.errors import UsageError
from gate.exceptions.identity import parse_claimed
from gate.exceptions.remote import BY_TOKEN, RemoteDesk
from gate.exceptions.report import as_json, as_text
from gate.wiring import clock, exception_desk, open_database, policy_of
from gate.wiring_callers import bearer_of
from gate.wiring_stores import http_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gate.exceptions.interface import Desk, Shown
    from gate.model.principal import Principal


def identity(claimed: str, server: str) -> Principal:
    """Return who acts: whoever the token for the service proves, or who is named, and say loudly that nobody proved it.

    Raises:
        UsageError: nobody is named (`identity_missing`), or somebody is named beside a token (`identity_twice`).
    """
    if server and load_config(os.environ).access.proves:
        if claimed:
            message = "the token says who this is, and somebody is named beside it"
            raise UsageError(message, code="identity_twice", hint="leave `--as` out, and unset GATE_PRINCIPAL")
        return BY_TOKEN
    if not claimed:
        message = "nobody is named who does this"
        raise UsageError(message, code="identity_missing", hint="say who you are: `--as TENANT/OBJECT_ID`")
    principal = parse_claimed(claimed)
    typer.echo(f"claimed identity: {principal.tenant}/{principal.object_id} (not verified)", err=True)
    return principal


@contextmanager
def desk_at(server: str, folder: Path | None) -> Iterator[Desk]:
    """Open the desk: over the local database, or behind a service, whose own policy counts."""
    config = load_config(os.environ)
    if not server:
        with open_database(config) as engine:
            yield exception_desk(config, engine, policy_of(config, folder))
        return
    if folder is not None:
        message = "with `--server` the service's own policy counts"
        raise UsageError(message, hint="leave `--policy` out")
    bearer = bearer_of(config, server)
    client = http_client(config)
    try:
        yield RemoteDesk(client, server, bearer)
    finally:
        client.close()


def show(shown: Sequence[Shown], *, json: bool) -> None:
    """Write requests and what became of them to standard output."""
    if json:
        grants = [one.grant for one in shown if one.grant is not None]
        sys.stdout.write(as_json([one.request for one in shown], grants))
        return
    sys.stdout.write("\n".join(as_text(one, clock()) for one in shown))
