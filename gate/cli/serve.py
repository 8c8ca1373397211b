"""`gate serve`: the HTTP service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gate.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(name="serve")
def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine's own.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8080,
    policy: Annotated[
        Path | None,
        typer.Option(help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
    ] = None,
) -> None:
    """Run the HTTP service until it is stopped.

    Exit codes: 0 stopped, 2 wrong usage, 12 the database or the policy can't be used.
    """
    try:
        import uvicorn  # noqa: PLC0415 - an extra, and 0.3 s

        from gate.service.app import create_app  # noqa: PLC0415
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
    uvicorn.run(application, host=host, port=port, log_level="warning", proxy_headers=False, server_header=False)
