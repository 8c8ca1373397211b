"""`gate scan`: a scanner hands in its own report about an image, as proof that it was scanned."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.errors import ForbiddenError, InputError, UsageError
from gate.model.digest import is_digest

if TYPE_CHECKING:
    from gate.config import Config
    from gate.findings.proof.interface import FiledScan
    from gate.http.answer import Answer
    from gate.model.principal import Principal

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Hand in a scanner's report about an image.",
)

_NO_PROOF = 10


class Format(StrEnum):
    """How standard output is written."""

    TEXT = "text"
    JSON = "json"


@app.callback()
def group() -> None:
    """Hand in a scanner's report about an image."""


@app.command("submit")
def submit(
    report: Annotated[Path, typer.Argument(metavar="REPORT.sarif", help="What the scanner wrote, unchanged.")],
    *,
    digest: Annotated[
        str,
        typer.Option(metavar="DIGEST", help="The image that was scanned: `sha256:…`, or its name with `@sha256:…`."),
    ],
    server: Annotated[
        str, typer.Option(envvar="GATE_SERVER", metavar="URL", help="The gate service, instead of the local database.")
    ] = "",
    policy: Annotated[
        Path | None,
        typer.Option(help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
) -> None:
    """Hand in a SARIF report. Who does is proved by a token: GATE_SERVER_TOKEN, …_FILE or GATE_SERVER_AUDIENCE.

    Exit codes: 0 kept and proves a scan, 10 kept and proves none, 12 refused or failed, 2 wrong usage.
    """
    from gate.config import load_config  # noqa: PLC0415 - `--help` needs none of these
    from gate.reports.scan_text import render  # noqa: PLC0415

    config = load_config(os.environ)
    data = _read(report, config.defender.artifact_bytes)
    image = digest.rpartition("@")[2]
    if not is_digest(image):
        message = f"`{image[:80]}` is no digest"
        raise UsageError(message, code="bad_digest", hint="name the image that was scanned by its digest")
    if server:
        if policy is not None:
            message = "with `--server` the service's own policy counts"
            raise UsageError(message, hint="leave `--policy` out")
        filed = _remotely(config, server, image, data)
    else:
        filed = _here(config, policy, image, data)
    shown = json.dumps(filed.model_dump(mode="json", by_alias=True)) + "\n" if style is Format.JSON else render(filed)
    typer.echo(shown, nl=False)
    raise typer.Exit(0 if filed.counts else _NO_PROOF)


def _read(report: Path, most: int) -> bytes:
    try:
        with report.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        message = f"`{report}` can't be read: {error.strerror}"
        raise InputError(message, hint="name the file that the scanner wrote", file=report) from error
    if len(data) > most:
        message = f"`{report}` has more than {most} bytes"
        raise InputError(message, code="report_too_large", hint="raise the bound if this is expected", file=report)
    return data


def _remotely(config: Config, server: str, image: str, data: bytes) -> FiledScan:
    """Send the report. The same one is kept once, so that sending it again after a lost answer is safe."""
    from gate.exceptions.problem import FAILED, REFUSED, error_of  # noqa: PLC0415 - as above
    from gate.exceptions.remote import authorization  # noqa: PLC0415
    from gate.http.address import origin_of  # noqa: PLC0415
    from gate.wiring_callers import bearer_of  # noqa: PLC0415
    from gate.wiring_stores import http_client  # noqa: PLC0415

    origin_of(server)
    bearer = bearer_of(config, server)
    if bearer is None:
        raise _unproved()
    client = http_client(config)
    headers = {"Content-Type": "application/sarif+json", "Accept": "application/json", **authorization(bearer)}
    url = f"{server.rstrip('/')}/v1/scans/{image}"
    try:
        answer = client.request("POST", url, headers=headers, body=data, accept=REFUSED | FAILED, retried=True)
    finally:
        client.close()
    if answer.status in REFUSED | FAILED:
        raise error_of(answer)
    return _answered(answer, image, data)


def _answered(answer: Answer, image: str, data: bytes) -> FiledScan:
    """Return what the service says, if it is about this image and these bytes."""
    from pydantic import ValidationError  # noqa: PLC0415 - as above

    from gate.exceptions.problem import odd  # noqa: PLC0415
    from gate.findings.proof.interface import FiledScan  # noqa: PLC0415
    from gate.model.base import sha256_of  # noqa: PLC0415

    try:
        filed = FiledScan.model_validate_json(answer.body)
    except ValidationError as error:
        raise odd(answer) from error
    if (filed.digest, filed.report) != (image, sha256_of(data)):
        raise odd(answer)
    return filed


def _here(config: Config, folder: Path | None, image: str, data: bytes) -> FiledScan:
    """File it in the local database, as whoever the token proves by this machine's own settings."""
    from gate.scans import LedgeredScans  # noqa: PLC0415 - as above
    from gate.wiring import clock, open_database, policy_of  # noqa: PLC0415

    submitter = _proved(config)
    rules = policy_of(config, folder).decision.findings.defender
    with open_database(config) as engine:
        scans = LedgeredScans(engine, most_bytes=config.defender.artifact_bytes)
        return scans.hand_in(image, data, submitter, rules, now=clock())


def _proved(config: Config) -> Principal:
    from gate.callers.roles import Permission  # noqa: PLC0415 - as above
    from gate.exceptions.remote import authorization  # noqa: PLC0415
    from gate.wiring import clock  # noqa: PLC0415
    from gate.wiring_callers import bearer_of, token_check  # noqa: PLC0415

    checked, bearer = token_check(config), bearer_of(config, "http://127.0.0.1")
    if checked is None or bearer is None:
        raise _unproved()
    check, close = checked
    try:
        caller = check.caller([authorization(bearer)["Authorization"].encode()], now=clock())
    finally:
        close()
    if not caller.may(Permission.SCAN):
        message = "the token's roles do not allow this"
        raise ForbiddenError(message, code="role_lacking", hint="a role that does: Gate.Scan")
    return caller.principal


def _unproved() -> ForbiddenError:
    message = "a scan report counts by who hands it in, and nothing proves who this is"
    hint = "set GATE_SERVER_TOKEN_FILE or GATE_SERVER_AUDIENCE; without `--server` GATE_TOKEN_AUDIENCES, too"
    return ForbiddenError(message, code="identity_claimed", hint=hint)
