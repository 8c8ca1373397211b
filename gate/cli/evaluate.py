"""`gate evaluate`: one image and its environment in, promoted, held or discarded, on record."""

from __future__ import annotations

import importlib
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.cli.progress import progress
from gate.errors import InputError, UsageError
from gate.image.reporter import InspectReporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.account import Account
    from gate.config import Config
    from gate.model.image import ImageFacts, ImageRef
    from gate.model.principal import Principal
    from gate.model.reference import Declared
    from gate.policy.schema import Policy

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Told(InspectReporter):
    """Says on a terminal what of an evaluation is under way."""

    def __init__(self, show: Callable[[str], None]) -> None:
        """Tell it by `show`."""
        self._show = show

    def image(self, facts: ImageFacts) -> None:
        """Say which image is read."""
        self._show(f"reading {facts.platform} {facts.digest}")

    def resolving(self, platform: str, python: str) -> None:
        """Say for what the declaration is resolved."""
        self._show(f"resolving what was declared for {platform} and Python {python}")


class Format(StrEnum):
    """How an account is written; each is a module of `gate.reports`."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


_LONGEST_WAIT = 7 * 86_400.0
_FAILED = 12
_SUFFIXES = {".json": Format.JSON, ".md": Format.MARKDOWN, ".txt": Format.TEXT}


@app.command(name="evaluate")
def evaluate(  # noqa: PLR0913 - one parameter an option
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="`host/repository:tag`, `…@sha256:…` or `oci:DIR:TAG`.")
    ],
    *,
    environment: Annotated[
        list[Path], typer.Option(help="File or folder that declares the image's environment. Repeatable.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide, show the plan and record it as intent; change nothing.")
    ] = False,
    server: Annotated[
        str | None, typer.Option(envvar="GATE_SERVER", help="Let this gate service do it and keep the record.")
    ] = None,
    deadline: Annotated[
        float, typer.Option(min=0, max=_LONGEST_WAIT, help="Seconds to wait for `--server` before giving up as held.")
    ] = 3600.0,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
    output: Annotated[
        list[Path] | None, typer.Option(help="Also write to this file; .json, .md and .txt say how. Repeatable.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
    ] = None,
    principal: Annotated[
        str | None, typer.Option("--as", envvar="GATE_PRINCIPAL", help="Who submits, as `tenant/object-id` (claimed).")
    ] = None,
) -> None:
    """Decide on an image and its environment, then promote or discard it.

    Exit codes: 0 promoted, 10 discarded, 11 held for missing evidence, 12 could not decide, 2 wrong usage.
    """
    for path in output or []:
        _refuse_unwritable(path)
    if server is not None:
        if dry_run or policy is not None:
            message = "`--dry-run` and `--policy` are the service's own affair with `--server`"
            raise UsageError(message, hint="leave them out, or run without `--server`")
        from gate.cli.remote import evaluate_remotely  # noqa: PLC0415 - only this path talks to a service

        account = evaluate_remotely(server, image, environment, principal or "", deadline)
    else:
        account = _locally(image, environment, policy, principal or "", dry_run=dry_run)
    typer.echo(_render(account, style), nl=False)
    written = [_write(path, _render(account, _SUFFIXES.get(path.suffix.lower(), style))) for path in output or []]
    raise typer.Exit(account.exit_code if all(written) else account.exit_code or _FAILED)


def _locally(image: str, environment: list[Path], folder: Path | None, principal: str, *, dry_run: bool) -> Account:
    from gate.config import load_config  # noqa: PLC0415 - `--help` needs none of these
    from gate.registry.reference import parse_image_ref  # noqa: PLC0415
    from gate.wiring import policy_of  # noqa: PLC0415

    config = load_config(os.environ)
    policy = policy_of(config, folder)
    ref = parse_image_ref(image)
    if dry_run:
        return _dry_run(config, policy, ref, environment, _submitter(principal))
    return _for_real(config, policy, ref, environment, _submitter(principal))


def _submitter(principal: str) -> Principal:
    from gate.exceptions.identity import parse_claimed  # noqa: PLC0415 - as above
    from gate.model.principal import Principal, PrincipalKind  # noqa: PLC0415

    if not principal:
        return Principal(tenant="local", object_id="pipeline", kind=PrincipalKind.SERVICE)
    return parse_claimed(principal)


def _for_real(config: Config, policy: Policy, ref: ImageRef, environment: list[Path], requester: Principal) -> Account:
    from gate.account import account_of  # noqa: PLC0415 - as above
    from gate.wiring import open_gate  # noqa: PLC0415

    with progress("evaluating") as show, open_gate(config, policy, Told(show)) as gate:
        submission = gate.take_in(ref, lambda: read_environment(config, environment), policy, requester)
        row = gate.intake.submit(submission, requester)
        show(f"evaluating {submission.ref}")
        gate.intake.wait(row.id)
        return account_of(gate.engine, row.id)


def _dry_run(config: Config, policy: Policy, ref: ImageRef, environment: list[Path], requester: Principal) -> Account:
    from gate.account import account_of_dry_run  # noqa: PLC0415 - as above
    from gate.dry_runs import keep_evidence, record_dry_run  # noqa: PLC0415
    from gate.evaluation import Submission  # noqa: PLC0415
    from gate.model.decision import Outcome  # noqa: PLC0415
    from gate.policy.decide import decide  # noqa: PLC0415
    from gate.store.engine import reading  # noqa: PLC0415
    from gate.wiring import clock, exception_desk, open_database, real_world  # noqa: PLC0415
    from gate.wiring_stores import Stores  # noqa: PLC0415
    from gate.wiring_users import guarded_world  # noqa: PLC0415

    with progress("deciding; nothing will be changed") as show, open_database(config) as engine:
        world, now = real_world(config, engine, Told(show)), clock()
        declared = read_environment(config, environment)
        submission = Submission(ref=world.waiting(ref, policy), environment=declared, policy=policy)
        with reading(engine) as connection:
            grants = exception_desk(config, engine, policy).all_grants(connection, policy)
        evidence = world.gather(submission, grants, submitted_at=now, now=now)
        keep_evidence(engine, evidence)
        decision = decide(evidence, policy, now)
        watched = guarded_world(config, engine, world, Stores(config))
        plan = None if decision.outcome is Outcome.HOLD else watched.plan(submission, decision)
        run = record_dry_run(engine, decision, plan, requester, now=now)
        return account_of_dry_run(run, ref.place, ref.tag, decision, plan)


def read_environment(config: Config, paths: list[Path]) -> Declared:
    """Read what the environment declares.

    Raises:
        InputError: a file is missing or can't be read whole; nothing is submitted then.
    """
    from gate.environment.check import common_root, merge  # noqa: PLC0415 - as above
    from gate.environment.reader import read_definition  # noqa: PLC0415
    from gate.environment.whole import whole  # noqa: PLC0415

    for path in paths:
        if not path.exists():
            message = f"`{path}` does not exist"
            raise InputError(message, hint="name the file from which the image was built", file=path)
    working = Path.cwd()
    return whole(merge([read_definition(path, common_root(path, working), config.definition) for path in paths]))


def _render(account: Account, style: Format) -> str:
    text: str = importlib.import_module(f"gate.reports.evaluation_{style.value}").render(account)
    return text


def _refuse_unwritable(path: Path) -> None:
    """Say before anything is begun that a report could not be kept."""
    there = path.exists()
    fit = not path.is_dir() if there else path.parent.is_dir()
    if not fit or not os.access(path if there else path.parent, os.W_OK):
        message = f"the report can't be written to `{path}`"
        raise UsageError(message, hint="name a file in a folder that is there and writable", file=path)


def _write(path: Path, content: str) -> bool:
    """Write the report; what was done is done, so a failure now is said and does not hide it."""
    try:
        path.write_text(content, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        typer.echo(f"error[report_not_written]: `{path}` can't be written: {error.strerror}", err=True)
        return False
    return True
