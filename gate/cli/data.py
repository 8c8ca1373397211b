"""`gate data`: fetch or import reference data, bring older data back, say what is kept and how old it is."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.data.interface import DataKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.config import Config
    from gate.ledgered_data import LedgeredReferenceData

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Format(StrEnum):
    """How a status is written."""

    TEXT = "text"
    JSON = "json"


Database = Annotated[
    str | None, typer.Option(help="Database address; else `GATE_DATABASE`, else the one in GATE_HOME.")
]


@app.command(name="import")
def import_command(  # noqa: PLR0913 - one parameter an option
    kind: Annotated[DataKind, typer.Argument(metavar="KIND", help="osv-pypi, known-exploited or conda-names.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file; its form is told by its first bytes.")],
    *,
    source: Annotated[str, typer.Option(help="Where the file is from, for the record.")] = "",
    published_at: Annotated[
        datetime | None, typer.Option(help="When it was published (UTC); for kinds whose files carry no date.")
    ] = None,
    allow_older: Annotated[bool, typer.Option("--allow-older", help="Go back to older data.")] = False,
    allow_smaller: Annotated[bool, typer.Option("--allow-smaller", help="Accept much fewer rows than in use.")] = False,
    database: Database = None,
) -> None:
    """Validate a file whole and swap it in whole; on any error nothing has changed.

    Exit codes: 0 imported, 12 refused or failed, 2 wrong usage.
    """
    from gate.data.importer import import_file  # noqa: PLC0415 - `--help` needs no database

    config, now = _config(), datetime.now(UTC)
    with _ledgered(config, database, now) as kept:
        stored = import_file(
            kind,
            file,
            into=kept,
            source=source or file.name,
            now=now,
            published_at=published_at.replace(tzinfo=UTC) if published_at else None,
            allow_older=allow_older,
            allow_smaller=allow_smaller,
            bounds=config.data,
        )
    typer.echo(f"{kind.value}: {stored.rows} rows in use, {stored.snapshot.digest}")


@app.command(name="update")
def update_command(
    kinds: Annotated[
        list[DataKind] | None, typer.Argument(metavar="[KIND]...", help="Which; else all that have a source.")
    ] = None,
    *,
    allow_smaller: Annotated[bool, typer.Option("--allow-smaller", help="Accept much fewer rows than in use.")] = False,
    database: Database = None,
) -> None:
    """Fetch reference data from where GATE_DATA_SOURCES says; each kind is swapped in whole or not at all.

    Exit codes: 0 all are up to date, 12 one was refused or failed, 2 wrong usage.
    """
    import tempfile  # noqa: PLC0415 - `--help` needs none of these

    from gate.cli.run import report_error  # noqa: PLC0415
    from gate.data.importer import import_file  # noqa: PLC0415
    from gate.data.update import fetch, wanted_kinds  # noqa: PLC0415
    from gate.errors import GateError  # noqa: PLC0415
    from gate.wiring_stores import http_client  # noqa: PLC0415

    config, now, code = _config(), datetime.now(UTC), 0
    wanted = wanted_kinds(kinds or [], config.data_sources)
    client = http_client(config)
    try:
        with tempfile.TemporaryDirectory() as name, _ledgered(config, database, now) as kept:
            for kind in wanted:
                try:
                    file = fetch(kind, config.data_sources[kind], client, config.data, Path(name))
                    stored = import_file(
                        kind,
                        file.path,
                        into=kept,
                        source=file.source,
                        now=now,
                        published_at=file.published_at,
                        allow_smaller=allow_smaller,
                        bounds=config.data,
                    )
                except GateError as error:  # one kind that fails keeps no other from being brought up to date
                    report_error(error)
                    code = 12
                else:
                    typer.echo(f"{kind.value}: {stored.rows} rows in use, {stored.snapshot.digest}")
    finally:
        client.close()
    raise typer.Exit(code)


@app.command(name="use")
def use_command(
    kind: Annotated[DataKind, typer.Argument(metavar="KIND", help="osv-pypi, known-exploited or conda-names.")],
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="One that `gate data status` lists, `sha256:…`.")],
    *,
    database: Database = None,
) -> None:
    """Bring back data that was in use before: it is kept by its digest. It is recorded, and grows no younger.

    Exit codes: 0 in use, 12 no such data is kept or the database failed, 2 wrong usage.
    """
    from gate.errors import NotFoundError  # noqa: PLC0415 - as above

    config, now = _config(), datetime.now(UTC)
    with _ledgered(config, database, now) as kept:
        found = [one for one in kept.snapshots() if (one.snapshot.kind, one.snapshot.digest) == (kind.value, digest)]
        if not found:
            message = f"no `{kind.value}` of the digest `{digest[:80]}` is kept"
            raise NotFoundError(message, hint="`gate data status` lists what is kept", code="data_missing")
        stored = kept.import_snapshot(found[0].snapshot, ())
    typer.echo(f"{kind.value}: {stored.rows} rows in use, {stored.snapshot.digest}")


@app.command(name="status")
def status_command(
    *,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
    database: Database = None,
) -> None:
    """Say what reference data is kept, from where, and how old it is. Changes nothing.

    Exit codes: 0 shown, 12 the database can't be read, 2 wrong usage.
    """
    from gate.data.status import as_text, status  # noqa: PLC0415 - `--help` needs no database
    from gate.store.engine import make_engine, reading  # noqa: PLC0415
    from gate.store.reference import ReferenceRows  # noqa: PLC0415
    from gate.store.schema import check_schema  # noqa: PLC0415

    engine = make_engine(database or _config().database, read_only=True)
    try:
        with reading(engine) as connection:
            check_schema(connection)
            report = status(ReferenceRows(connection).snapshots(), now=datetime.now(UTC))
    finally:
        engine.dispose()
    if style is Format.JSON:
        typer.echo(report.model_dump_json(by_alias=True, indent=2))
    else:
        typer.echo(as_text(report), nl=False)


@contextmanager
def _ledgered(config: Config, database: str | None, now: datetime) -> Iterator[LedgeredReferenceData]:
    from gate.ledgered_data import LedgeredReferenceData  # noqa: PLC0415 - `--help` needs no database
    from gate.store.engine import make_engine  # noqa: PLC0415
    from gate.store.schema import upgrade  # noqa: PLC0415

    engine = make_engine(database or config.database)
    try:
        upgrade(engine)
        yield LedgeredReferenceData(engine, actor=config.principal, now=now)
    finally:
        engine.dispose()


def _config() -> Config:
    from gate.config import load_config  # noqa: PLC0415 - as above

    return load_config(os.environ)
