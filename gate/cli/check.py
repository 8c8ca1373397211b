"""`gate check`: would this environment pass? No image, and no network unless the closed set is asked for."""

from __future__ import annotations

import importlib
import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.cli.resolving import Stated, definitions_of, is_lock, judged_sets, known_names, lock_text, stated
from gate.cli.run import report_error
from gate.errors import GateError, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gate.config import Config
    from gate.environment.check import CheckReport
    from gate.model.reference import Declared
    from gate.policy.schema import Policy
    from gate.resolve.judged import JudgedSet

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
def check(  # noqa: PLR0913 - one parameter an option
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Definitions, or folders that hold them.")],
    *,
    resolve: Annotated[
        bool, typer.Option("--resolve/--no-resolve", help="Also resolve and judge what each definition would bring.")
    ] = False,
    platform: Annotated[
        str, typer.Option(help="With `--resolve`: `linux-x86_64` (the default), `linux-aarch64`, `macos-arm64` …")
    ] = "",
    python: Annotated[
        str, typer.Option(help="With `--resolve`: `3.11`; else what a conda environment pins, else 3.11.")
    ] = "",
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also write to this file; .json, .md, .txt, .sarif and .xml say how, and `pylock.toml` is a lock of "
            "the closed set. Repeatable."
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(envvar="GATE_POLICY", help="Folder with `allowlist/` and `exceptions/`; the defaults if none."),
    ] = None,
) -> None:
    """Check environment definitions against the safelist; with `--resolve`, all that they would bring, too.

    Exit codes: 0 everything is safelisted or granted, 10 something needs an exception, 12 not everything could be
    read or resolved, 2 wrong usage.
    """
    wanted = _wanted(output or [], platform, python, resolve=resolve)
    report, sets = _report(files, policy, wanted)
    code = EXIT_CODES[_verdict(report, sets)]
    typer.echo(_render(report, sets, style), nl=False)
    for path in output or []:
        if is_lock(path.name):
            code = _write_lock(path, sets, code)
        else:
            _write(path, _render(report, sets, _SUFFIXES.get(path.suffix.lower(), style)))
    raise typer.Exit(code)


def _wanted(output: list[Path], platform: str, python: str, *, resolve: bool) -> Stated | None:
    """Return what sets are asked for, None if none is.

    Raises:
        UsageError: something is said of closed sets, and none is asked for; or there is no such platform or Python.
    """
    if resolve:
        return stated(platform, python)
    if platform or python or any(is_lock(path.name) for path in output):
        message = "`--platform`, `--python` and a lock file are about the closed set, which was not asked for"
        raise UsageError(message, hint="add `--resolve`")
    return None


def _report(files: list[Path], folder: Path | None, wanted: Stated | None) -> tuple[CheckReport, Sequence[JudgedSet]]:
    from gate.config import load_config  # noqa: PLC0415 - `--help` needs none of these
    from gate.environment.check import check_declared, common_root, merge  # noqa: PLC0415
    from gate.environment.reader import read_definition  # noqa: PLC0415
    from gate.policy.source import load_policy  # noqa: PLC0415
    from gate.ways_out.find import with_fixes  # noqa: PLC0415
    from gate.ways_out.texts import texts_of  # noqa: PLC0415

    config = load_config(os.environ)
    bounds, now = config.definition, datetime.now(UTC)
    for path in files:
        if not path.exists():
            message = f"`{path}` does not exist"
            raise InputError(message, hint="name a file or a folder that is there", file=path)
    working = Path.cwd()
    roots = [common_root(path, working) for path in files]
    declared = [read_definition(path, root, bounds) for path, root in zip(files, roots, strict=True)]
    policy = load_policy(folder)
    report = check_declared(merge(declared), policy, (), now)
    texts = texts_of(report, roots, bounds)
    if wanted is None:
        return with_fixes(report, texts), ()
    definitions = definitions_of(declared, files, roots, bounds)
    return _resolved(report, texts, definitions, policy, wanted, now, config)


def _resolved(  # noqa: PLR0913, PLR0917 - the facts of one check, in the order in which they come to be known
    report: CheckReport,
    texts: Mapping[str, str],
    definitions: Sequence[tuple[str, Declared]],
    policy: Policy,
    wanted: Stated,
    now: datetime,
    config: Config,
) -> tuple[CheckReport, Sequence[JudgedSet]]:
    from gate.ways_out.find import with_fixes  # noqa: PLC0415 - as above
    from gate.wiring import imported_data  # noqa: PLC0415 - as above

    with imported_data(config) as data:
        sets = judged_sets(definitions, policy, wanted=wanted, now=now, config=config, data=data)
        return with_fixes(report, texts, known_names(sets, data)), sets


def _verdict(report: CheckReport, sets: Sequence[JudgedSet]) -> str:
    from gate.reports.check_sets import verdict_of  # noqa: PLC0415 - as above

    return verdict_of(report, sets)


def _render(report: CheckReport, sets: Sequence[JudgedSet], style: Format) -> str:
    text: str = importlib.import_module(f"gate.reports.check_{style.value}").render(report, sets)
    return text


def _write_lock(path: Path, sets: Sequence[JudgedSet], code: int) -> int:
    """Write the lock, or say why there is none; a verdict that was reached is never softened by that.

    Returns:
        The exit code of the whole: without the lock that was asked for, it is not 0.
    """
    try:
        _write(path, lock_text(sets))
    except GateError as error:
        told = report_error(error)
        return code or told
    return code


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        message = f"the report can't be written to `{path}`: {error.strerror}"
        raise UsageError(message, hint="name a file in a folder that is there and writable", file=path) from error
