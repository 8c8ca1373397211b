"""Start the command line, load only the subcommand that was asked for, turn errors into exit codes once."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import click
import typer
from typer.core import TyperGroup

from gate import __version__
from gate.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("gate.cli.check", "Check environment definitions against the safelist; no image, no network."),
    "inspect": ("gate.cli.inspect", "List what is inside an image, with the layer and the evidence of each."),
    "evaluate": ("gate.cli.evaluate", "Decide on an image and its environment, then promote or discard it."),
    "exception": ("gate.cli.exception", "Request, list, show, approve and deny exceptions."),
    "audit": ("gate.cli.audit", "List, show and verify what the ledger holds."),
    "data": ("gate.cli.data", "Import reference data and say how old it is."),
    "policy": ("gate.cli.policy", "Show and check the policy in force."),
    "serve": ("gate.cli.serve", "Run the HTTP service."),
    "demo": ("gate.cli.demo", "Run the main job on two small images made on the spot."),
}
"""Every subcommand: the module that holds its `app`, and its one line of help. Adding one adds a line here."""


class LazyGroup(TyperGroup):
    """A group that imports a subcommand's module when the subcommand is called, and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the subcommands in the order in which a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the subcommand; for the help page a stand-in with its one line is enough."""
        if cmd_name not in COMMANDS:
            return None
        module, line = COMMANDS[cmd_name]
        if ctx.resilient_parsing or getattr(ctx, "gate_help", False):
            return click.Command(cmd_name, help=line)
        app: typer.Typer = importlib.import_module(module).app
        command = typer.main.get_command(app)
        command.name, command.help = cmd_name, line
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands from the table, so that `gate --help` imports none of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])
