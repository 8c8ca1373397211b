"""An evaluation in words: the outcome first, then what blocks and what to do, then what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.base import format_instant
from gate.model.decision import Outcome, Status
from gate.model.quiet import quiet
from gate.model.redact import redact
from gate.reports.asking import commands
from gate.reports.plan_text import planned

if TYPE_CHECKING:
    from datetime import datetime

    from gate.account import Account, Reason

HEADLINES = {
    Outcome.PROMOTE: "PROMOTED",
    Outcome.DISCARD: "DISCARDED",
    Outcome.HOLD: "HELD",
}
_WOULD = {Outcome.PROMOTE: "WOULD PROMOTE", Outcome.DISCARD: "WOULD DISCARD", Outcome.HOLD: "WOULD HOLD"}
_RECOVERABLE = {
    "on": "its registry can recover it until {until}",
    "off": "its registry says that it keeps nothing of what is deleted",
    "unknown": "whether its registry can recover it is not known",
}
_MARKS = {Status.FAIL: "x", Status.UNKNOWN: "?", Status.WARN: "!", Status.PASS: "+"}


def headline(account: Account) -> str:
    """Return the one word that a person looks for."""
    if account.failure is not None:
        return "COULD NOT DECIDE"
    if account.outcome is None:
        return "UNDER WAY"
    return (_WOULD if account.state == "dry_run" else HEADLINES)[account.outcome]


def render(account: Account) -> str:
    """Return the text."""
    name = f":{account.tag}" if account.tag else ""
    lines = [f"{headline(account)}  {account.repository}{name}", f"  digest      {account.digest or 'unknown'}"]
    if account.id:
        lines.append(f"  {'dry run' if account.state == 'dry_run' else 'evaluation':<10}  {account.id}")
    lines += _figures(account)
    if account.failure is not None:
        lines += ["", f"  error[{account.failure.code}]: {account.failure.message}"]
        lines += [f"    {key}: {value}" for key, value in sorted(account.failure.facts.items())]
        lines += [f"    next: {account.failure.hint}"] if account.failure.hint else []
    if account.receipt.get("released"):
        lines += ["", f"  STILL RELEASED  {account.receipt['released']} serves the same digest: take it out of service"]
    lines += ["", *(f"  {line}" for line in bytes_kept(account))] if account.kept is not None else []
    if account.state == "dry_run":
        lines += ["", *shown] if (shown := planned(account.receipt)) else []
    lines += ["", *(line for reason in account.reasons for line in _reason(reason))] if account.reasons else []
    if account.requests and account.outcome is not Outcome.PROMOTE:
        lines += ["", "exception requests that would lift it (give each a reason):"]
        lines += [f"  {command}" for command in commands(account)]
    return "".join(f"{_printable(line)}\n" for line in lines)


def bytes_kept(account: Account) -> list[str]:
    """Say what became of a discarded image's bytes; nothing is called erased."""
    kept = account.kept
    if kept is None:
        return []
    at, due = _day(kept.ended_at), _day(kept.due_at)
    match kept.state:
        case "tombstoned" | "held":
            lines = [f"TOMBSTONED  nobody can pull it; it is deleted from {due} on"]
        case "restored":
            return [f"RESTORED  it is served again since {at}"]
        case _:
            lines = [f"DELETED  {at}; {_RECOVERABLE[kept.recoverable].format(until=_day(kept.recoverable_until))}"]
    for hold in kept.holds:
        until = f", until {_day(hold.until)}" if hold.until else ""
        lines.append(f"HELD BY  {hold.placed_by or 'somebody'}{until}: {hold.reason} ({hold.id})")
    return [*lines, *([f"not deleted at the last try: {kept.last}"] if kept.last else [])]


def _day(instant: datetime | None) -> str:
    return format_instant(instant) if instant is not None else "now"


def _figures(account: Account) -> list[str]:
    decision = account.decision
    if decision is None:
        return []
    counts = decision.counts
    looked = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("references", "components", "findings"))
    if counts.get("images", 0):
        looked += f", in {counts['images']} images"
    lines = [
        f"  looked at   {looked}",
        f"  policy      {decision.policy}",
        f"  evidence    {decision.evidence}",
    ]
    if decision.recorded_sources:
        lines.append(f"  RECORDING   the answer of {', '.join(decision.recorded_sources)} is a recording, not live")
    if decision.missing:
        lines.append(f"  MISSING     evidence of {', '.join(decision.missing)}, which policy requires")
    return lines


def _printable(line: str) -> str:
    """Keep what was judged, or what a service said, from steering a terminal or a pipeline: a name may be anything."""
    return quiet(redact("".join(char if char.isprintable() else " " for char in line)))


def _reason(reason: Reason) -> list[str]:
    about = f" ({reason.platform})" if reason.platform else ""
    lines = [f"  {_MARKS[reason.status]} {reason.rule}[{reason.code}]{about}: {reason.reason}"]
    if reason.way_out and reason.status is not Status.PASS:
        lines.append(f"      next: {reason.way_out}")
    return lines
