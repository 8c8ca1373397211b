"""`gate discard`: what was discarded and is kept for a while; hold it, release it, restore it, delete what is due."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import datetime  # typer reads the annotation at run time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from gate.config import Config
    from gate.holds import Hold
    from gate.model.principal import Principal

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="List what was discarded, hold it, restore it, and delete what is due.",
)


class Format(StrEnum):
    """How standard output is written."""

    TEXT = "text"
    JSON = "json"


DigestArgument = Annotated[str, typer.Argument(metavar="DIGEST", help="`sha256:` and 64 hexadecimal digits.")]
Identity = Annotated[
    str,
    typer.Option(
        "--as", envvar="GATE_PRINCIPAL", metavar="TENANT/OBJECT_ID", help="Who acts, as claimed; there is no default."
    ),
]
Reason = Annotated[str, typer.Option(help="Why, in a sentence; it is kept on record.")]
Style = Annotated[Format, typer.Option("--format", help="How standard output is written.")]
PolicyFolder = Annotated[
    Path | None,
    typer.Option("--policy", help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
]


@app.command("list")
def list_discards(
    *,
    ended: Annotated[bool, typer.Option("--ended", help="Also what is deleted or was restored.")] = False,
    after: Annotated[str, typer.Option(help="The page that begins there, as the page before says.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most images of a page.")] = 100,
    style: Style = Format.TEXT,
) -> None:
    """List what lies hidden and when it is deleted, and who holds what.

    Exit codes: 0 listed, also if there is nothing, 12 the database can't be used, 2 wrong usage.
    """
    from gate.holds import Holds  # noqa: PLC0415 - `--help` needs none of these
    from gate.reports.discards import discards_in, render_json, render_text  # noqa: PLC0415
    from gate.store.engine import reading  # noqa: PLC0415

    with _database() as (_, engine):
        holds = Holds(engine).listed()
        with reading(engine) as connection:
            found = discards_in(connection, holds, now=_now(), ended=ended, after=after, limit=limit)
    typer.echo(render_json(found) if style is Format.JSON else render_text(found), nl=False)
    if style is Format.TEXT:
        said = f"there are more: --after {found.next}" if found.next else ""
        typer.echo(said if found.discards or found.holds else "nothing is kept", err=True)


@app.command()
def hold(
    digest: DigestArgument,
    *,
    reason: Reason,
    until: Annotated[
        str, typer.Option(help="When it ends by itself (RFC 3339); without it, when it is released.")
    ] = "",
    principal: Identity = "",
    style: Style = Format.TEXT,
) -> None:
    """Keep an image from being deleted, whatever policy says. Nobody can pull it all the same once it is discarded.

    Exit codes: 0 held, 12 it is unknown or deleted already or the database can't be used, 2 wrong usage.
    """
    from gate.holds import Holds  # noqa: PLC0415 - as above

    who, end = _identity(principal), _instant(until)
    with _database() as (_, engine):
        placed = Holds(engine).place(digest, reason, who, now=_now(), until=end)
    _show(placed, style)
    if placed.late:
        typer.echo("its deletion was under way: what that had not reached yet is kept", err=True)


@app.command()
def release(
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="The id, `HLD-…`.")],
    *,
    reason: Reason,
    principal: Identity = "",
    style: Style = Format.TEXT,
) -> None:
    """Release a hold; what is due by then is deleted at the next turn.

    Exit codes: 0 released, 12 there is none or the database can't be used, 2 wrong usage.
    """
    from gate.holds import Holds  # noqa: PLC0415 - as above

    who = _identity(principal)
    with _database() as (_, engine):
        _show(Holds(engine).release(hold_id, reason, who, now=_now()), style)


@app.command()
def restore(
    digest: DigestArgument,
    *,
    reason: Reason,
    repository: Annotated[str, typer.Option(help="Its place, if it lies buried in several.")] = "",
    principal: Identity = "",
    policy: PolicyFolder = None,
) -> None:
    """Have a discarded image served again in staging, to be judged again: where the denial has lost its ground.

    Exit codes: 0 restored, 12 it can't be (the error says why) or the registry failed, 2 wrong usage.
    """
    import uuid  # noqa: PLC0415 - as above

    from gate.reports.discards import plain  # noqa: PLC0415
    from gate.waking import Waking  # noqa: PLC0415
    from gate.wiring import policy_of  # noqa: PLC0415
    from gate.wiring_stores import Stores  # noqa: PLC0415

    who = _identity(principal)
    with _database() as (config, engine):
        known, owner = policy_of(config, policy), f"restore-{uuid.uuid4().hex}"
        waking = Waking(engine=engine, stores=Stores(config), policy=known, owner=owner)
        receipt = waking.restore(digest, reason, who, now=_now(), repository=repository)
    tags = f" as {', '.join(receipt.tags)}" if receipt.tags else ""
    typer.echo(plain(f"restored {receipt.place.place}@{receipt.digest}{tags}: submit it again"))
    for tag in receipt.taken:
        typer.echo(plain(f"the tag {tag} is on another image by now and stays there"), err=True)


@app.command()
def due(*, policy: PolicyFolder = None) -> None:
    """Delete what is due now, and hide again what came to light: what a running service does by itself.

    Exit codes: 0 done, also if nothing was due, 11 something due is kept or failed, 12 the database can't be used.
    """
    from gate.store.burials import Burials  # noqa: PLC0415 - as above
    from gate.store.engine import reading  # noqa: PLC0415
    from gate.wiring import clock, policy_of  # noqa: PLC0415
    from gate.wiring_discards import due_of  # noqa: PLC0415
    from gate.wiring_stores import Stores  # noqa: PLC0415

    with _database() as (config, engine):
        done = due_of(config, policy_of(config, policy), engine, Stores(config), clock).once()
        now = _now()
        with reading(engine) as connection:
            late = [row for row in Burials(connection).listed(limit=1000) if row.due_at <= now and row.error_code]
    typer.echo(f"{done} deleted or hidden again")
    for row in late:
        typer.echo(f"{row.repository}@{row.digest}: {row.error_code}; see `gate audit show {row.evaluation}`", err=True)
    raise typer.Exit(11 if late else 0)


def _show(placed: Hold, style: Format) -> None:
    from gate.reports.discards import hold_line, plain, render_json  # noqa: PLC0415

    typer.echo(render_json(placed).rstrip("\n") if style is Format.JSON else plain(hold_line(placed)))


def _identity(claimed: str) -> Principal:
    from gate.cli.exception_desk import identity  # noqa: PLC0415 - as above

    return identity(claimed, "")


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


def _now() -> datetime:
    from gate.wiring import clock  # noqa: PLC0415 - as above

    return clock()


@contextmanager
def _database() -> Iterator[tuple[Config, Engine]]:
    from gate.config import load_config  # noqa: PLC0415 - as above
    from gate.wiring import open_database  # noqa: PLC0415

    config = load_config(os.environ)
    with open_database(config) as engine:
        yield config, engine
