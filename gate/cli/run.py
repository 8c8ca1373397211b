"""Start the command line, load only the subcommand that was asked for, turn errors into exit codes once."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Annotated, Any, Protocol, runtime_checkable

import typer
from typer.core import TyperGroup

from gate import __version__
from gate.errors import GateError
from gate.exceptions.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("gate.cli.check", "Check environment definitions against the safelist, and what they would bring."),
    "inspect": ("gate.cli.inspect", "List what is inside an image, with the layer and the evidence of each."),
    "evaluate": ("gate.cli.evaluate", "Decide on an image and its environment, then promote or discard it."),
    "discard": ("gate.cli.discard", "List what was discarded, hold it, restore it, and delete what is due."),
    "exception": ("gate.cli.exception", "Request, list, show, approve and deny exceptions."),
    "scan": ("gate.cli.scan", "Hand in a scanner's report about an image."),
    "audit": ("gate.cli.audit", "List, show and verify what the ledger holds."),
    "retire": ("gate.cli.retire", "Take a released image out of service, with a second person's consent."),
    "data": ("gate.cli.data", "Fetch or import reference data, and say how old it is."),
    "doctor": ("gate.cli.doctor", "Check that Defender's scans can be made and be seen; each failure with its mend."),
    "policy": ("gate.cli.policy", "Show and check the policy in force."),
    "serve": ("gate.cli.serve", "Run the HTTP service."),
    "demo": ("gate.cli.demo", "Run the main job on two small images made on the spot."),
}
"""Every subcommand: the module that holds its `app`, and its one line of help. Adding one adds a line here."""


class LazyGroup(TyperGroup):
    """A group that imports a subcommand's module when the subcommand is called, and not before."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Name the subcommands in the order in which a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ANN401 - click's own type, which typer keeps to itself
        """Import the subcommand and return it; None if there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, line = COMMANDS[cmd_name]
        subcommand: typer.Typer = importlib.import_module(module).app
        command = typer.main.get_command(subcommand)
        command.name = cmd_name
        command.help = command.help or line
        return command

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]  # noqa: ANN401 - as above
        """List the subcommands from the table, so that `gate --help` imports none of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@runtime_checkable
class _Shown(Protocol):
    """What click's errors have in common, whichever copy of click typer carries."""

    exit_code: int

    def show(self) -> None: ...


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        typer.echo(f"gate {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Let an image pass into production, or say exactly why not and what to do.

    Exit codes: 0 allowed or promoted, 10 denied or discarded, 11 held for missing evidence, 12 could not decide,
    2 wrong usage, 1 a crash.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every known error becomes one message and one code here."""
    try:
        code = app(args=arguments, standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _stopped()
    except SystemExit:  # typer's answer to a reader of standard output who went away: nobody has read a verdict
        return GateError.exit_code
    except GateError as error:
        return report_error(error)
    except Exception as error:
        if isinstance(error, _Shown):
            error.show()
            return error.exit_code
        raise
    ended = code if isinstance(code, int) else 0
    return _stopped() if ended == INTERRUPTED else ended  # typer's own answer to an interrupt, given in silence


def _stopped() -> int:
    typer.echo("stopped", err=True)
    return INTERRUPTED


def report_error(error: GateError) -> int:
    """Say what went wrong on stderr, in one voice: code, message, facts, what to do; return its exit code."""
    typer.echo(f"error[{error.error_code}]: {plain(error.message)}", err=True)
    for name, value in sorted(error.facts.items()):
        typer.echo(f"  {name}: {plain(value)}", err=True)
    if error.hint:
        typer.echo(f"  next: {plain(error.hint)}", err=True)
    return error.exit_code
