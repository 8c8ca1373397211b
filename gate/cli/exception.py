"""`gate exception`: request, list, show, approve and deny, here or through a gate service."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from gate.errors import UsageError
from gate.model.exception import Justification, RequestState
from gate.model.origin import Kind

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Request, list, show, approve and deny exceptions.",
)


class Format(StrEnum):
    """How standard output is written."""

    TEXT = "text"
    JSON = "json"


Identity = Annotated[
    str,
    typer.Option(
        "--as", envvar="GATE_PRINCIPAL", metavar="TENANT/OBJECT_ID", help="Who acts, as claimed; none with a token."
    ),
]
Server = Annotated[
    str, typer.Option(envvar="GATE_SERVER", metavar="URL", help="Ask this gate service instead of the local database.")
]
Policy = Annotated[
    Path | None,
    typer.Option(help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
]
Style = Annotated[Format, typer.Option("--format", help="How standard output is written.")]
RequestId = Annotated[str, typer.Argument(metavar="REQUEST", help="The id, `EXR-…`.")]
Expected = Annotated[
    int | None, typer.Option(help="Decide only if the request is still at this version, as `show` has it.")
]


@app.command("request")
def request_exception(  # noqa: PLR0913 - one parameter an option
    *,
    reason: Annotated[str, typer.Option(help="What it is needed for, in a sentence.")],
    draft: Annotated[str, typer.Option("--for", metavar="EXR-…", help="File this draft, or this one anew.")] = "",
    kind: Annotated[Kind | None, typer.Option(help="What is asked for, where no draft stands.")] = None,
    name: Annotated[str, typer.Option(help="Its name or address.")] = "",
    version: Annotated[str, typer.Option(help="Its version, as the report has it.")] = "",
    repository: Annotated[str, typer.Option(help="The place where images wait that will use it.")] = "",
    waive: Annotated[
        str, typer.Option(metavar="ID", help="Ask for a waiver of this vulnerability on it (`CVE-…`, any alias).")
    ] = "",
    justification: Annotated[
        Justification | None, typer.Option(help="Why the vulnerability does not affect it, in OpenVEX's words.")
    ] = None,
    from_check: Annotated[
        Path | None,
        typer.Option(metavar="REPORT.json", help="Ask for all that `gate check --format json` found blocked."),
    ] = None,
    principal: Identity = "",
    server: Server = "",
    policy: Policy = None,
    style: Style = Format.TEXT,
) -> None:
    """File a draft, one thing by name, a waiver of one vulnerability on it, or all that a check found blocked.

    Exit codes: 0 filed, 10 refused by a rule, 12 the input or the store failed, 2 wrong usage.
    """
    from gate.cli.exception_desk import desk_at, identity, show  # noqa: PLC0415 - `--help` needs none of these
    from gate.cli.exception_filings import Asked, file_all, filings  # noqa: PLC0415
    from gate.wiring import clock  # noqa: PLC0415

    requester = identity(principal, server)
    asked = Asked(
        reason=reason,
        draft=draft,
        kind=kind,
        name=name,
        version=version,
        repository=repository,
        check=from_check,
        vulnerability=waive,
        justification=justification,
    )
    wanted = filings(asked)
    with desk_at(server, policy) as desk:
        shown, code = file_all(desk, wanted, requester, clock())
    show(shown, json=style is Format.JSON)
    raise typer.Exit(code)


@app.command("list")
def list_requests(  # noqa: PLR0913 - as above
    *,
    state: Annotated[RequestState | None, typer.Option(help="Only requests in this state.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only requests for things of this kind.")] = None,
    name: Annotated[str, typer.Option(help="Only requests for this name.")] = "",
    repository: Annotated[str, typer.Option(help="Only requests for this place.")] = "",
    cursor: Annotated[str, typer.Option(help="The page that begins there, as the page before says.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="Most requests of a page.")] = 100,
    server: Server = "",
    policy: Policy = None,
    style: Style = Format.TEXT,
) -> None:
    """List requests, newest first.

    Exit codes: 0 listed, 12 the store failed, 2 wrong usage.
    """
    from gate.cli.exception_desk import desk_at  # noqa: PLC0415 - as above
    from gate.exceptions.interface import Wanted  # noqa: PLC0415
    from gate.exceptions.report import as_json, as_table  # noqa: PLC0415

    wanted = Wanted(state=state, kind=kind, name=name, repository=repository, cursor=cursor, limit=limit)
    with desk_at(server, policy) as desk:
        page = desk.list(wanted)
    sys.stdout.write(as_json(page.requests, next_cursor=page.next) if style is Format.JSON else as_table(page.requests))
    if page.next and style is Format.TEXT:
        typer.echo(f"there are more: --cursor {page.next}", err=True)


@app.command("show")
def show_request(request: RequestId, *, server: Server = "", policy: Policy = None, style: Style = Format.TEXT) -> None:
    """Show a request, the grant that it led to, and what to do next.

    Exit codes: 0 shown, 12 there is none or the store failed, 2 wrong usage.
    """
    from gate.cli.exception_desk import desk_at, show  # noqa: PLC0415 - as above

    with desk_at(server, policy) as desk:
        shown = desk.show(request)
    show([shown], json=style is Format.JSON)


@app.command("approve")
def approve_request(  # noqa: PLR0913 - as above
    request: RequestId,
    *,
    file: Annotated[
        list[Path] | None, typer.Option(help="A wheel whose bytes are approved; none for a waiver. Repeatable.")
    ] = None,
    days: Annotated[int | None, typer.Option(help="How long it holds; policy's default if none.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Where it holds, exactly or below a prefix that ends in `/`. Repeatable."),
    ] = None,
    comment: Annotated[str, typer.Option(help="A word to whoever asked.")] = "",
    ticket: Annotated[str, typer.Option(help="Where more is written.")] = "",
    expected: Expected = None,
    principal: Identity = "",
    server: Server = "",
    policy: Policy = None,
    style: Style = Format.TEXT,
) -> None:
    """Approve somebody else's request: for the bytes of these wheels, which are kept, or for a waiver.

    Exit codes: 0 approved, 10 refused by a rule, 12 a file or the store failed, 2 wrong usage.
    """
    from gate.cli.exception_desk import desk_at, identity, show  # noqa: PLC0415 - as above
    from gate.cli.exception_filings import opened  # noqa: PLC0415
    from gate.exceptions.interface import Upload  # noqa: PLC0415
    from gate.exceptions.workflow import Terms  # noqa: PLC0415
    from gate.model.exception import Scope  # noqa: PLC0415
    from gate.wiring import clock  # noqa: PLC0415

    approver = identity(principal, server)
    terms = Terms(
        duration=None if days is None else _days(days),
        scope=Scope(repositories=tuple(scope)) if scope else None,
        comment=comment,
        ticket=ticket,
        expected=expected,
    )
    with ExitStack() as stack, desk_at(server, policy) as desk:
        uploads = [Upload(filename=path.name, stream=stack.enter_context(opened(path))) for path in file or ()]
        shown = desk.approve(request, uploads, approver, terms, now=clock())
    show([shown], json=style is Format.JSON)


@app.command("deny")
def deny_request(  # noqa: PLR0913 - as above
    request: RequestId,
    *,
    reason: Annotated[str, typer.Option(help="Why not, and what to do instead.")],
    expected: Expected = None,
    principal: Identity = "",
    server: Server = "",
    policy: Policy = None,
    style: Style = Format.TEXT,
) -> None:
    """Deny a request, or take your own back.

    Exit codes: 0 denied, 10 refused by a rule, 12 the store failed, 2 wrong usage.
    """
    from gate.cli.exception_desk import desk_at, identity, show  # noqa: PLC0415 - as above
    from gate.wiring import clock  # noqa: PLC0415

    approver = identity(principal, server)
    with desk_at(server, policy) as desk:
        shown = desk.deny(request, approver, reason, now=clock(), expected=expected)
    show([shown], json=style is Format.JSON)


@app.command("export")
def export_waivers(
    *,
    author: Annotated[str, typer.Option(help="Who vouches for the document.")],
    style: Annotated[Literal["openvex"], typer.Option("--format", help="The form of the document.")] = "openvex",
    policy: Policy = None,
) -> None:
    """Write the waivers in force, standing and stored, as one OpenVEX document.

    Exit codes: 0 written, 12 the store failed, 2 wrong usage.
    """
    import json  # noqa: PLC0415 - as above

    from gate.config import load_config  # noqa: PLC0415
    from gate.exceptions.openvex import openvex  # noqa: PLC0415
    from gate.store.engine import reading  # noqa: PLC0415
    from gate.wiring import clock, exception_desk, open_database, policy_of  # noqa: PLC0415

    del style  # there is one, and naming it keeps calls good when there is another
    config = load_config(os.environ)
    known = policy_of(config, policy)
    with open_database(config) as engine, reading(engine) as connection:
        grants = exception_desk(config, engine, known).all_grants(connection, known)
    made = openvex(grants, author=author, now=clock(), workflow=known.workflow)
    sys.stdout.write(json.dumps(made, indent=2) + "\n")


def _days(days: int) -> timedelta:
    try:
        return timedelta(days=days)
    except OverflowError:
        message = f"`--days {days}` is no duration"
        raise UsageError(message, hint="leave it out for the policy's default") from None
