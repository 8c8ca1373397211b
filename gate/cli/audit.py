"""`gate audit`: list what happened, show what a decision was made from, prove that nothing was changed since."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import datetime  # typer reads the annotation at run time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.errors import InputError, StoreError, UsageError
from gate.model.base import format_instant
from gate.model.digest import is_digest
from gate.model.quiet import quiet, quiet_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from gate.ledger.audit import Account
    from gate.ledger.checkpoint import Checkpoint
    from gate.ledger.reader import LedgerEntry
    from gate.model.base import Value

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="List, show and verify what the ledger holds.",
)


class AuditFormat(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"


Database = Annotated[
    str, typer.Option("--database", help="Database address; default: `GATE_DATABASE`.", show_default=False)
]
Format = Annotated[AuditFormat, typer.Option("--format", help="How to write the report.")]


@app.command("list")
def list_records(  # noqa: PLR0913 - one parameter an option
    *,
    evaluation: Annotated[str, typer.Option(help="Only records of this evaluation, request or snapshot.")] = "",
    event: Annotated[str, typer.Option(help="Only this event.")] = "",
    subject: Annotated[str, typer.Option(help="Only records about this image digest.")] = "",
    since: Annotated[str, typer.Option(help="Only records since this instant (RFC 3339).")] = "",
    after: Annotated[int, typer.Option(help="Only records after this index: the next page.")] = -1,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most records.")] = 100,
    database: Database = "",
    report: Format = AuditFormat.TEXT,
) -> None:
    """List what happened, oldest first.

    Exit codes: 0 listed, also if no record matches, 12 the database can't be read, 2 wrong usage.
    """
    from gate.ledger.reader import LedgerFilter, LedgerReader  # noqa: PLC0415 - SQLAlchemy is heavy
    from gate.ledger.record import Event  # noqa: PLC0415 - as above
    from gate.ledger.reports import ListReport  # noqa: PLC0415 - as above

    if event and event not in set(Event):
        message = f"there is no event `{event}`"
        raise UsageError(message, hint=f"known: {', '.join(sorted(Event))}")
    if subject and not is_digest(subject):
        message = f"not a digest: `{subject[:80]}`"
        raise UsageError(message, hint="give it as `sha256:` and 64 hexadecimal digits")
    wanted = LedgerFilter(
        evaluation=evaluation,
        event=Event(event) if event else None,
        subject=subject or None,
        since=_instant(since),
        after=after,
    )
    with _opened(database) as connection:
        entries = LedgerReader(connection).find(wanted, limit=limit)
    if report is AuditFormat.JSON:
        following = entries[-1].index if len(entries) == limit else None
        _json(ListReport(records=entries, next=following))
        return
    for entry in entries:
        typer.echo(_line(entry))
    if not entries:
        typer.echo("no record matches", err=True)


@app.command()
def show(
    about: Annotated[str, typer.Argument(metavar="ID", help="Id of an evaluation, a request or a snapshot.")],
    *,
    database: Database = "",
    report: Format = AuditFormat.TEXT,
) -> None:
    """Show everything about one evaluation: its records, its decision, and what that was made from.

    Exit codes: 0 shown, 12 there is none or the database can't be read, 2 wrong usage.
    """
    from gate.ledger.audit import account  # noqa: PLC0415 - SQLAlchemy is heavy
    from gate.ledger.reports import ShowReport  # noqa: PLC0415 - as above

    with _opened(database) as connection:
        found = account(connection, about)
    if report is AuditFormat.JSON:
        _json(ShowReport.model_validate(found.model_dump()))
        return
    for line in _account(found):
        typer.echo(line)


@app.command()
def verify(
    *,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="File with an earlier checkpoint; may be repeated.", show_default=False),
    ] = None,
    database: Database = "",
    report: Format = AuditFormat.TEXT,
) -> None:
    """Recompute the whole ledger and hold it against what it claims to be.

    Whoever can write the database file can rewrite all of it: hold it against a checkpoint that was kept elsewhere.

    Exit codes: 0 it is what it claims to be, 12 it is not or can't be read, 2 wrong usage.
    """
    from gate.ledger.audit import verify_database  # noqa: PLC0415 - SQLAlchemy is heavy
    from gate.ledger.reports import verify_report  # noqa: PLC0415 - as above
    from gate.ledger.verify import Verified, explain  # noqa: PLC0415 - as above

    earlier = [_checkpoint(path) for path in checkpoint or []]
    with _opened(database) as connection:
        result = verify_database(connection, earlier)
    if report is AuditFormat.JSON:
        _json(verify_report(result))
    else:
        typer.echo(_plain(explain(result)))
    if not isinstance(result, Verified):
        hint = "stop writing, keep a copy of the database, and compare it with your last checkpoint"
        raise StoreError(_plain(explain(result)), code="ledger_corrupt", hint=hint)


@app.command()
def checkpoint(*, database: Database = "") -> None:
    """Print the ledger's checkpoint after verifying it; keep it where the database's owner can't change it.

    Exit codes: 0 printed, 12 the ledger is not what it claims to be or can't be read, 2 wrong usage.
    """
    from gate.ledger.audit import verify_database  # noqa: PLC0415 - SQLAlchemy is heavy
    from gate.ledger.checkpoint import Checkpoint  # noqa: PLC0415 - as above
    from gate.ledger.verify import Verified, explain  # noqa: PLC0415 - as above

    with _opened(database) as connection:
        result = verify_database(connection)
    if not isinstance(result, Verified):
        raise StoreError(_plain(explain(result)), code="ledger_corrupt", hint="run `gate audit verify`")
    typer.echo(Checkpoint(origin=result.origin, size=result.size, root=result.root).text(), nl=False)


@app.command()
def content(
    digest: Annotated[str, typer.Argument(help="Digest of something that a record or a decision names.")],
    *,
    database: Database = "",
) -> None:
    """Write kept content to stdout, in its own bytes: a decision, a part of the evidence, a plan.

    Exit codes: 0 written, 12 it is not kept, was altered or can't be read, 2 wrong usage.
    """
    from gate.store.blobs import Blobs  # noqa: PLC0415 - SQLAlchemy is heavy

    with _opened(database) as connection:
        data = Blobs(connection).get(digest)
    typer.get_binary_stream("stdout").write(data)


@contextmanager
def _opened(database: str) -> Iterator[Connection]:
    from gate.config import load_config  # noqa: PLC0415 - keeps `gate audit --help` light
    from gate.store.engine import make_engine, reading  # noqa: PLC0415 - SQLAlchemy is heavy
    from gate.store.schema import check_schema  # noqa: PLC0415 - as above

    engine = make_engine(database or load_config(os.environ).database, read_only=True)
    try:
        with reading(engine) as connection:
            check_schema(connection)
            yield connection
    finally:
        engine.dispose()


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min  # noqa: DTZ901 - without a zone, so refused below
    if found.tzinfo is None:
        message = f"not an instant: `{text[:40]}`"
        raise UsageError(message, hint="write it as `2026-11-23T09:00:00Z`, with a zone")
    return found


def _checkpoint(path: Path) -> Checkpoint:
    from gate.ledger.checkpoint import TEXT_BYTES, Checkpoint  # noqa: PLC0415 - keeps `gate audit --help` light

    try:
        with path.open("rb") as file:
            text = file.read(TEXT_BYTES + 1).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the checkpoint `{path}` can't be read"
        hint = "give it as `gate audit checkpoint` wrote it"
        raise InputError(message, code="checkpoint_unreadable", hint=hint) from error
    return Checkpoint.read(text)


def _json(report: Value) -> None:
    typer.echo(quiet_json(json.dumps(report.model_dump(mode="json", by_alias=True), indent=2, sort_keys=True)))


def _plain(text: str) -> str:
    # What stands in a record may come from a judged file: it must not steer a terminal or a pipeline.
    return quiet("".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text))


def _line(entry: LedgerEntry) -> str:
    record = entry.record
    facts = " ".join(f"{name}={value}" for name, value in sorted({**record.facts, **entry.private}.items()))
    attempt = f"#{record.attempt}" if record.attempt > 1 else ""
    line = f"{entry.index:>6} {format_instant(record.recorded_at)} {record.event}{attempt} {record.evaluation}"
    return _plain(f"{line} {facts}".rstrip())


def _account(found: Account) -> Iterator[str]:
    if found.evaluation is not None:
        run = found.evaluation
        yield _plain(f"evaluation {run.id}: {run.state} {run.repository}@{run.digest or run.tag}")
    yield "records:"
    yield from (_line(entry) for entry in found.records)
    for decision in found.decisions:
        yield _plain(f"decision {decision.fingerprint()}: {decision.outcome} at {format_instant(decision.decided_at)}")
        for result in decision.results:
            params = " ".join(f"{name}={value}" for name, value in sorted(result.params.items()))
            yield _plain(f"  {result.status:<7} {result.rule} {result.code} {result.subject} {params}".rstrip())
    if found.made_from:
        yield "made from:"
    for part in found.made_from:
        size = "not kept" if part.size is None else f"{part.size} bytes"
        yield _plain(f"  {part.name} {part.digest} ({size})")
