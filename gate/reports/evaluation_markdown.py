"""An evaluation as the summary of a pipeline run: Markdown that a code host shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.exceptions.plain import plain
from gate.model.decision import Outcome, Status
from gate.reports.asking import commands
from gate.reports.evaluation_text import bytes_kept, headline
from gate.reports.plan_text import planned

if TYPE_CHECKING:
    from gate.account import Account, Reason

_SHOWN = 50
_CHARACTERS = 600
_SPECIAL = frozenset("\\`*_[]()<>|#!&~@")
_ICONS = {Status.FAIL: "❌", Status.UNKNOWN: "⏳", Status.WARN: "⚠️"}


def render(account: Account) -> str:
    """Return the summary: outcome, what blocks with its way out, the digests that find it again."""
    lines = [f"## gate: {headline(account).lower()}", ""]
    lines.append(f"`{_code(account.repository)}` at `{account.digest or 'unknown'}`")
    if account.decision is not None and account.decision.recorded_sources:
        names = ", ".join(account.decision.recorded_sources)
        lines += ["", f"> The answer of {names} is a recording, not a live one."]
    if account.failure is not None:
        lines += ["", f"**{_cell(account.failure.code)}**: {_cell(account.failure.message)}"]
        lines += ["", f"Next: {_cell(account.failure.hint)}"] if account.failure.hint else []
    lines += ["", *(f"> {_cell(line)}" for line in bytes_kept(account))] if account.kept is not None else []
    blocking = [reason for reason in account.reasons if reason.status in _ICONS]
    if blocking:
        lines += ["", "| | rule | reason | what to do |", "|---|---|---|---|"]
        lines += [
            f"| {_ICONS[reason.status]} | `{reason.rule}` | {_about(reason)}{_cell(reason.reason)} |"
            f" {_cell(reason.way_out)} |"
            for reason in blocking[:_SHOWN]
        ]
        if len(blocking) > _SHOWN:
            lines += ["", f"… and {len(blocking) - _SHOWN} more."]
    if account.requests and account.outcome is not Outcome.PROMOTE:
        lines += ["", "Exception requests that would lift it:", ""]
        lines += [f"- `{command}`" for command in commands(account)]
    lines += _plan(account)
    if account.id:
        run = "Dry run" if account.state == "dry_run" else "Evaluation"
        lines += ["", f"{run} `{account.id}`, decision `{account.decision_digest or 'none'}`"]
    return "\n".join(lines) + "\n"


def _plan(account: Account) -> list[str]:
    """Show what a dry run would have done, line by line as the text does."""
    shown = planned(account.receipt) if account.state == "dry_run" else []
    if not shown:
        return []
    said, *steps = [line.strip() for line in shown]
    return ["", _cell(said), "", *(f"- {_cell(step)}" for step in steps)]


def _about(reason: Reason) -> str:
    """Name the platform of an index's image that the reason is about."""
    return f"{_cell(reason.platform)}: " if reason.platform else ""


def _cell(text: str) -> str:
    """Keep what was judged from speaking Markdown: a name may be anything."""
    short = plain(text[: 2 * _CHARACTERS])[:_CHARACTERS]
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in short)


def _code(text: str) -> str:
    return plain(text).replace("`", "'")
