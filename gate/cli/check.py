"""`gate check`: would this environment pass? No image, no network."""

from __future__ import annotations

import importlib
import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.errors import InputError, UsageError

if TYPE_CHECKING:
    from gate.environment.check import CheckReport

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

EXIT_CODES = {"safelisted": 0, "needs_exception": 10, "unparseable": 12}


class Format(StrEnum):
    """How a report is written; each is a module of `gate.reports`."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    SARIF = "sarif"
    JUNIT = "junit"


_SUFFIXES = {
    ".json": Format.JSON,
    ".md": Format.MARKDOWN,
    ".txt": Format.TEXT,
    ".sarif": Format.SARIF,
    ".xml": Format.JUNIT,
}


@app.command(name="check")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Definitions, or folders that hold them.")],
    *,
    resolve: Annotated[
        bool, typer.Option("--resolve/--no-resolve", help="Also resolve the transitive set (not there yet).")
    ] = False,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
    output: Annotated[
        list[Path] | None,
        typer.Option(help="Also write to this file; .json, .md, .txt, .sarif and .xml say how. Repeatable."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(envvar="GATE_POLICY", help="Folder with `allowlist/` and `exceptions/`; the defaults if none."),
    ] = None,
) -> None:
    """Check environment definitions against the safelist.

    Exit codes: 0 everything is safelisted or granted, 10 something needs an exception, 12 not everything could be
    read, 2 wrong usage.
    """
    if resolve:
        message = "`--resolve` is not there yet: the transitive set can't be resolved"
        raise UsageError(message, hint="run without it to check what the files declare")
    report = _report(files, policy)
    typer.echo(_render(report, style), nl=False)
    for path in output or []:
        _write(path, _render(report, _SUFFIXES.get(path.suffix.lower(), style)))
    raise typer.Exit(EXIT_CODES[report.verdict])


def _report(files: list[Path], policy: Path | None) -> CheckReport:
    from gate.config import load_config  # noqa: PLC0415 - `--help` needs none of these
    from gate.environment.check import check_declared, common_root, merge  # noqa: PLC0415
    from gate.environment.reader import read_definition  # noqa: PLC0415
    from gate.policy.source import load_policy  # noqa: PLC0415
    from gate.ways_out.find import with_fixes  # noqa: PLC0415
    from gate.ways_out.texts import texts_of  # noqa: PLC0415

    bounds = load_config(os.environ).definition
    for path in files:
        if not path.exists():
            message = f"`{path}` does not exist"
            raise InputError(message, hint="name a file or a folder that is there", file=path)
    working = Path.cwd()
    roots = [common_root(path, working) for path in files]
    declared = [read_definition(path, root, bounds) for path, root in zip(files, roots, strict=True)]
    report = check_declared(merge(declared), load_policy(policy), (), datetime.now(UTC))
    return with_fixes(report, texts_of(report, roots, bounds))


def _render(report: CheckReport, style: Format) -> str:
    text: str = importlib.import_module(f"gate.reports.check_{style.value}").render(report)
    return text


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        message = f"the report can't be written to `{path}`: {error.strerror}"
        raise UsageError(message, hint="name a file in a folder that is there and writable", file=path) from error
