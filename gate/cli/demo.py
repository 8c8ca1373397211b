"""`gate demo`: the main job, from nothing, in a folder of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gate.cli.progress import progress
from gate.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_FAILED = 12


@app.command(name="demo")
def demo(
    *,
    keep: Annotated[
        Path | None, typer.Option(help="Make everything in this new folder and leave it there to look at.")
    ] = None,
) -> None:
    """Build two small images, evaluate both, grant an exception, promote the second, verify the ledger.

    Needs PyPI. Exit codes: 0 everything came out as it must, 12 it did not.
    """
    if keep is not None:
        if keep.exists():
            message = f"`{keep}` exists already"
            raise UsageError(message, hint="name a folder that does not exist yet")
        try:
            keep.mkdir(parents=True)
        except OSError as error:
            message = f"`{keep}` can't be made: {error.strerror}"
            raise UsageError(message, hint="name a new folder in one that is there and writable") from error
        _tell(keep.absolute())
        typer.echo(f"everything is in {keep}")
        return
    with tempfile.TemporaryDirectory(prefix="gate-demo-") as folder:
        _tell(Path(folder).resolve())


def _tell(folder: Path) -> None:
    from gate.demo.tale import Tale  # noqa: PLC0415 - `--help` needs none of it

    with progress("working"):
        right = Tale(folder, typer.echo).tell()
    if not right:
        typer.echo("the demonstration did not come out as it must", err=True)
        raise typer.Exit(_FAILED)
