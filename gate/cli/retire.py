"""`gate retire`: ask for an image to be taken out of service, agree to it, carry it out, and see how it stands."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.errors import GateError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from gate.model.principal import Principal
    from gate.model.retirement import Retirement
    from gate.retirement.desk import RetirementDesk
    from gate.retirement.run import RetirementRun
    from gate.retirement.workflow import Asked

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help="Take a release out of service."
)

HELD = 11
_REFUSED = 10
_CODES = {
    "digest_in_use": _REFUSED,
    "not_release": _REFUSED,
    "not_released": _REFUSED,
    "manifest_locked": _REFUSED,
    "users_unasked": HELD,
    "digest_held": HELD,
}
"""Refused by a rule, or held until something is known; every other error has the code of its kind."""


class Format(StrEnum):
    """How standard output is written."""

    TEXT = "text"
    JSON = "json"


Identity = Annotated[
    str,
    typer.Option(
        "--as", envvar="GATE_PRINCIPAL", metavar="TENANT/OBJECT_ID", help="Who acts, as claimed; there is no default."
    ),
]


@app.command("retire")
def retire(  # noqa: PLR0913 - one parameter an option
    digest: Annotated[str, typer.Argument(metavar="[DIGEST]", help="`sha256:…` of the released image.")] = "",
    *,
    place: Annotated[
        str, typer.Option(metavar="PLACE", help="The release place, as `host/path` or `oci:/folder`.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Ask for it, and say why; with `--deny`, why not.")] = "",
    approve: Annotated[str, typer.Option(metavar="RTR-…", help="Agree to what somebody else asked for.")] = "",
    deny: Annotated[str, typer.Option(metavar="RTR-…", help="Refuse what was asked for, or take your own back.")] = "",
    reinstate: Annotated[
        bool, typer.Option("--reinstate", help="Ask that what is out of service may be decided on anew.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Ask for it whoever uses it, where policy lets two people do so.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")] = False,
    comment: Annotated[str, typer.Option(help="A word beside the agreement.")] = "",
    principal: Identity = "",
    policy: Annotated[
        Path | None,
        typer.Option(help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
) -> None:
    """Take a released image out of service, with a second person's consent: ask, agree, carry out, or look.

    With `--reason` it is asked for, with `--approve` agreed on and carried out. With a digest alone, what was agreed
    on is carried on; without one, everything is, such as the deletion of what was hidden long enough.

    Exit codes: 0 done as far as it can be now, 10 refused by a rule or a user, 11 it waits for a second person or for
    an answer, 12 the input, a registry or the store failed, 2 wrong usage.
    """
    wanted = _Wanted(
        digest=digest,
        place=place,
        reason=reason,
        approve=approve,
        deny=deny,
        reinstate=reinstate,
        force=force,
        dry_run=dry_run,
        comment=comment,
        principal=principal,
        style=style,
    )
    _refuse_mixed(wanted)
    with _opened(policy) as (desk, run):
        try:
            code = _do(desk, run, wanted)
        except GateError as error:
            code = _told(error)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The words of the call."""

    digest: str
    place: str
    reason: str
    approve: str
    deny: str
    reinstate: bool
    force: bool
    dry_run: bool
    comment: str
    principal: str
    style: Format

    @property
    def asks(self) -> bool:
        """Whether it is asked for, and not decided on."""
        return bool(self.reason) and not self.deny


def _refuse_mixed(wanted: _Wanted) -> None:
    from gate.model.digest import is_digest  # noqa: PLC0415 - `--help` needs none of these

    verbs = [wanted.asks, bool(wanted.approve), bool(wanted.deny), wanted.dry_run]
    problems = {
        "`--reason`, `--approve`, `--deny` and `--dry-run` are four things to do": sum(verbs) > 1,
        "what is named is no digest": bool(wanted.digest) and not is_digest(wanted.digest),
        "no digest is named": not wanted.digest and (any(verbs) or bool(wanted.place)),
        "`--reinstate` is asked for with a `--reason`": wanted.reinstate and not wanted.asks,
        "`--force` goes with `--reason`; who approves, approves it": wanted.force
        and not (wanted.asks or wanted.dry_run),
        "`--deny` needs a `--reason`": bool(wanted.deny) and not wanted.reason,
    }
    problem = next((text for text, present in problems.items() if present), "")
    if problem:
        raise UsageError(problem, hint="see `gate retire --help`")


def _do(desk: RetirementDesk, run: RetirementRun, wanted: _Wanted) -> int:
    now = _now()
    if wanted.dry_run:
        _show_plan(run, desk, wanted)
        return 0
    if wanted.asks:
        asked = _asked(desk, wanted)
        _show([desk.request(asked, _identity(wanted.principal), now=now).retirement], wanted.style)
        return 0
    if wanted.deny:
        by = _identity(wanted.principal)
        stored = desk.deny(wanted.deny, wanted.digest, by, reason=wanted.reason, now=now)
        _show([stored.retirement], wanted.style)
        return 0
    if wanted.approve:
        by = _identity(wanted.principal)
        stored = desk.approve(wanted.approve, wanted.digest, by, comment=wanted.comment, now=now)
        return _carry_on(desk, run, [stored.retirement], wanted.style)
    return _carry_on(desk, run, _standing(desk, run, wanted), wanted.style)


def _carry_on(desk: RetirementDesk, run: RetirementRun, standing: Sequence[Retirement], style: Format) -> int:
    """Carry each on and show all; the worst of their codes is the answer."""
    codes = [0]
    for one in standing:
        try:
            codes.append(_code(run.carry_on(one.id, now=_now()).retirement))
        except GateError as error:
            codes.append(_told(error))
    _show([desk.get(one.id).retirement for one in standing], style)
    return max(codes)


def _standing(desk: RetirementDesk, run: RetirementRun, wanted: _Wanted) -> list[Retirement]:
    if not wanted.digest:
        return [one.retirement for one in run.waiting(_now())] or [one.retirement for one in desk.listed()]
    found = [one.retirement for one in desk.of(wanted.digest) if wanted.place in {"", one.retirement.place}]
    if not found:
        message = f"nobody asked for {wanted.digest} to be taken out of service"
        hint = "ask for it: `gate retire DIGEST --place PLACE --reason …`"
        raise NotFoundError(message, code="retirement_missing", hint=hint)
    return found


def _code(retirement: Retirement) -> int:
    from gate.model.retirement import RetirementState  # noqa: PLC0415 - as above

    return {RetirementState.REQUESTED: HELD, RetirementState.DENIED: _REFUSED}.get(retirement.state, 0)


def _asked(desk: RetirementDesk, wanted: _Wanted) -> Asked:
    from gate.model.retirement import RetirementAction  # noqa: PLC0415 - as above
    from gate.retirement.workflow import Asked  # noqa: PLC0415

    action = RetirementAction.REINSTATE if wanted.reinstate else RetirementAction.RETIRE
    place = _place(desk, wanted)
    return Asked(action=action, place=place, digest=wanted.digest, reason=wanted.reason, forced=wanted.force)


def _place(desk: RetirementDesk, wanted: _Wanted) -> str:
    known = sorted({one.retirement.place for one in desk.of(wanted.digest)})
    if wanted.place or len(known) == 1:
        return wanted.place or known[0]
    message = "no release place is named" if not known else "it was asked for in several places"
    raise UsageError(message, code="place_missing", hint="name it: `--place host/path`")


def _show_plan(run: RetirementRun, desk: RetirementDesk, wanted: _Wanted) -> None:
    from gate.reports.retirement import as_json, plan_text  # noqa: PLC0415 - as above

    plan = run.plan(_place(desk, wanted), wanted.digest, forced=wanted.force, now=_now())
    sys.stdout.write(as_json(plan=plan) if wanted.style is Format.JSON else plan_text(plan))


def _show(retirements: Sequence[Retirement], style: Format) -> None:
    from gate.reports.retirement import as_json, as_text  # noqa: PLC0415 - as above

    sys.stdout.write(as_json(retirements) if style is Format.JSON else as_text(retirements))


def _told(error: GateError) -> int:
    from gate.cli.run import report_error  # noqa: PLC0415 - this module is imported by it

    code = report_error(error)
    return _CODES.get(error.error_code, code)


def _identity(claimed: str) -> Principal:
    """Return who acts, and say loudly that nobody proved it."""
    from gate.exceptions.identity import parse_claimed  # noqa: PLC0415 - as above

    if not claimed:
        message = "nobody is named who does this"
        raise UsageError(message, code="identity_missing", hint="say who you are: `--as TENANT/OBJECT_ID`")
    principal = parse_claimed(claimed)
    typer.echo(f"claimed identity: {principal.tenant}/{principal.object_id} (not verified)", err=True)
    return principal


@contextmanager
def _opened(folder: Path | None) -> Iterator[tuple[RetirementDesk, RetirementRun]]:
    from gate.config import load_config  # noqa: PLC0415 - as above
    from gate.wiring import clock, open_database, policy_of  # noqa: PLC0415
    from gate.wiring_users import retirements_of  # noqa: PLC0415

    config = load_config(os.environ)
    policy = policy_of(config, folder)
    with open_database(config) as engine:
        yield retirements_of(config, engine, policy, clock)


def _now() -> datetime:
    from gate.wiring import clock  # noqa: PLC0415 - as above

    return clock()
