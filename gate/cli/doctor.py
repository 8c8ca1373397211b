"""`gate doctor`: ask Azure now whether the gate could know anything of an image's scan."""

from __future__ import annotations

import os
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gate.findings.defender.rights import EVERY_RUN, Duty

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
    duty: Annotated[
        list[Duty] | None,
        typer.Option(help="What the signed-in identity is for; repeat it. Without it all but `retire`."),
    ] = None,
) -> None:
    """Check that Defender's plan, the gate's roles and the registries let a scan be made and be seen, and acted on.

    An evaluation makes the same checks of a scan before it believes an empty answer. Azure tells each identity of its
    own rights alone: where scanning, promoting, discarding and retiring have one each, ask as each, with `--duty`.
    Changes nothing.

    Exit codes: 0 in order, 11 images would be held and why, 12 Azure could not be asked, 2 wrong usage.
    """
    from gate.cli.progress import progress  # noqa: PLC0415 - `--help` needs none of these
    from gate.config import load_config  # noqa: PLC0415
    from gate.doctor import diagnose, render_text  # noqa: PLC0415
    from gate.model.image import Transport  # noqa: PLC0415
    from gate.wiring import clock, policy_of  # noqa: PLC0415
    from gate.wiring_azure import asked_of, connect_defender  # noqa: PLC0415
    from gate.wiring_stores import open_writer  # noqa: PLC0415

    config = load_config(os.environ)
    rules, wanted = policy_of(config, policy), frozenset(duty or EVERY_RUN)
    with progress("asking Azure"):
        connection = connect_defender(config, lambda: open_writer(Transport.REGISTRY, config))
        ask = duties = None
        if connection is not None:
            ask = connection.preflight if Duty.SCAN in wanted else connection.signed_in
            asked, more = asked_of(config, rules, wanted), config.acr.imports.values() if config.acr else ()
            duties = partial(connection.duties, asked, more) if asked.places else None
        diagnosis = diagnose(
            ask, rules.decision.findings.defender, now=clock(), duties=duties, scans=Duty.SCAN in wanted
        )
    if style is Format.JSON:
        typer.echo(diagnosis.model_dump_json(by_alias=True, indent=2))
    else:
        typer.echo(render_text(diagnosis), nl=False)
    raise typer.Exit(diagnosis.exit_code)
