"""`gate doctor`: ask Azure now whether the gate could know anything of an image's scan."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Format(StrEnum):
    """How a diagnosis is written."""

    TEXT = "text"
    JSON = "json"


@app.command(name="doctor")
def doctor(
    *,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
    policy: Annotated[
        Path | None,
        typer.Option(help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
    ] = None,
) -> None:
    """Check that Defender's plan, the gate's roles and the registries let a scan be made and be seen. Changes nothing.

    An evaluation makes the same checks before it believes an empty answer.

    Exit codes: 0 in order, 11 images would be held and why, 12 Azure could not be asked, 2 wrong usage.
    """
    from gate.cli.progress import progress  # noqa: PLC0415 - `--help` needs none of these
    from gate.config import load_config  # noqa: PLC0415
    from gate.doctor import diagnose, render_text  # noqa: PLC0415
    from gate.model.image import Transport  # noqa: PLC0415
    from gate.wiring import clock, policy_of  # noqa: PLC0415
    from gate.wiring_azure import connect_defender  # noqa: PLC0415
    from gate.wiring_stores import open_writer  # noqa: PLC0415

    config = load_config(os.environ)
    rules = policy_of(config, policy).decision.findings.defender
    with progress("asking Azure"):
        connection = connect_defender(config, lambda: open_writer(Transport.REGISTRY, config))
        diagnosis = diagnose(None if connection is None else connection.preflight, rules, now=clock())
    if style is Format.JSON:
        typer.echo(diagnosis.model_dump_json(by_alias=True, indent=2))
    else:
        typer.echo(render_text(diagnosis), nl=False)
    raise typer.Exit(diagnosis.exit_code)
