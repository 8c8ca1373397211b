"""`gate serve`: the HTTP service."""

from __future__ import annotations

import logging
import os
import signal
import socket
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.errors import GateError, UsageError
from gate.model.redact import redact

if TYPE_CHECKING:
    from fastapi import FastAPI

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_LAST_SECONDS = 5
"""How long requests under way get when the service is stopped; evaluations go on at the next start."""


@app.command(name="serve")
def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine's own.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8080,
    policy: Annotated[
        Path | None,
        typer.Option(help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
    ] = None,
) -> None:
    """Run the HTTP service until it is stopped.

    Exit codes: 0 stopped, 2 wrong usage, 12 the database, the policy or the address can't be used.
    """
    try:
        from gate.service.app import create_app  # noqa: PLC0415 - an extra, and 0.3 s
        from gate.service.caller import refuse_others  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f"the service needs `{error.name}`, which is not installed"
        raise UsageError(message, code="extra_missing", hint="install `gate[service]`") from error
    from gate.config import load_config  # noqa: PLC0415 - `--help` needs none of these
    from gate.wiring import open_database, policy_of  # noqa: PLC0415

    refuse_others(host)
    config = load_config(os.environ)
    application = create_app(config, policy_of(config, policy))
    with open_database(config):
        pass  # a database that can't be used is said here, in one sentence, and not in a server's log
    with closing(_listening(host, port)) as listener:
        _run(application, listener)


def _run(application: FastAPI, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415 - as above

    settings = uvicorn.Config(
        application,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    server = uvicorn.Server(settings)
    logging.getLogger("uvicorn.error").addFilter(_Quiet(application))
    host, port = listener.getsockname()[:2]
    typer.echo(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", err=True)
    for asked in (signal.SIGINT, signal.SIGTERM):
        # The server ends on these by itself and then raises them once more, for whoever had them before: that is us.
        signal.signal(asked, lambda *_: setattr(server, "should_exit", True))
    with suppress(SystemExit):  # the server's own way to say that it did not start
        server.run(sockets=[listener])
    if not server.started:
        raise _failure(application)


class _Quiet(logging.Filter):
    """Keeps why the application did not start out of the server's log: it is said once, at the end, and redacted."""

    def __init__(self, application: FastAPI) -> None:
        super().__init__()
        self._application = application

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return getattr(self._application.state, "failure", None) is None


def _listening(host: str, port: int) -> socket.socket:
    """Take the port before anything is opened, on an address that a name came to only if it is this machine's.

    Raises:
        GateError: `address_unusable`: somebody else has the port, or it is not this user's to take.
    """
    from gate.service.caller import refuse_others  # noqa: PLC0415 - as above

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        refuse_others(str(address[0]))
        return _bound(socket.socket(family, kind, protocol), address)
    except OSError as error:
        message = f"the service can't listen on `{host}` port {port}: {error.strerror}"
        raise GateError(message, code="address_unusable", hint="choose another with `--port`") from error


def _bound(listener: socket.socket, address: object) -> socket.socket:
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)  # type: ignore[arg-type]  # as the resolver gave it for this family
    except OSError:
        listener.close()
        raise
    return listener


def _failure(application: FastAPI) -> GateError:
    failure = getattr(application.state, "failure", None)
    if isinstance(failure, GateError):
        return failure
    message = "the service did not start"
    hint = "report this"
    return GateError(message, code="not_started", hint=hint, kind=type(failure).__name__)
