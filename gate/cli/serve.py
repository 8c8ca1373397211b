"""`gate serve`: the HTTP service."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import ssl
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.errors import GateError, UsageError
from gate.http.address import is_loopback
from gate.model.redact import redact

if TYPE_CHECKING:
    from fastapi import FastAPI

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_LAST_SECONDS = 5
"""How long requests under way get when the service is stopped; evaluations go on at the next start."""

_COLLECTED = (50_000, 20, 20)
"""After how many new objects the youngest are gone through, and after how many of these turns the older ones."""


@app.command(name="serve")
def serve(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; this machine's own unless callers send tokens.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8080,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="Certificate chain (PEM) with which the service speaks TLS itself.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).")] = None,
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

    config = load_config(os.environ)
    anywhere = config.tokens is not None
    if not anywhere:
        refuse_others(host)
    tls = _tls(tls_certificate, tls_key)
    application = create_app(config, policy_of(config, policy))
    with open_database(config):
        pass  # a database that can't be used is said here, in one sentence, and not in a server's log
    collect_rarely()
    with closing(_listening(host, port, anywhere=anywhere)) as listener:
        _run(application, listener, tls)


def collect_rarely() -> None:
    """Look for cycles of garbage rarely, and not among what lives as long as the service.

    Advisories that were read stay: the interpreter's own thresholds would go through all of them, a tenth of a second
    each time, at every tenth audit.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED)


def _tls(certificate: Path | None, key: Path | None) -> dict[str, str]:
    """Return what has the server speak TLS, or nothing.

    Raises:
        UsageError: `tls_unusable`: one of the two is missing, or they can't be used together.
    """
    if certificate is None and key is None:
        return {}
    hint = "name the chain with `--tls-certificate` and its key, without a password, with `--tls-key`"
    try:
        if certificate is None or key is None:
            message = "one of the two files is not named"
            raise ValueError(message)  # noqa: TRY301 - one refusal for all that can be wrong with them
        # With a password nobody would be there to type it.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        message = (
            f"the service can't speak TLS: {error.strerror or 'the files' if isinstance(error, OSError) else error}"
        )
        raise UsageError(message, code="tls_unusable", hint=hint) from None
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}


def _run(application: FastAPI, listener: socket.socket, tls: dict[str, str]) -> None:
    import uvicorn  # noqa: PLC0415 - as above

    settings = uvicorn.Config(
        application,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_SECONDS,
        **tls,  # type: ignore[arg-type]  # names of two of its parameters
    )
    server = uvicorn.Server(settings)
    logging.getLogger("uvicorn.error").addFilter(_Quiet(application))
    host, port = listener.getsockname()[:2]
    typer.echo(f"listening on {'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}", err=True)
    if not tls and not is_loopback(host):
        typer.echo(
            "callers' tokens come in clear: let something in front of this end TLS, and nobody else reach it", err=True
        )
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


def _listening(host: str, port: int, *, anywhere: bool) -> socket.socket:
    """Take the port before anything is opened, on an address that a name came to only if it is this machine's.

    `anywhere` is for a service whose callers prove who they are.

    Raises:
        GateError: `address_unusable`: somebody else has the port, or it is not this user's to take.
    """
    from gate.service.caller import refuse_others  # noqa: PLC0415 - as above

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if not anywhere:
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
