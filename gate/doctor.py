"""`gate doctor`: whether the gate could know of an image's scan and act on it, each failure with its mend."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict, Field

from gate.errors import GateError
from gate.findings.defender.preflight import CHECKS, Check, CheckStatus, Preflight, meaning_of
from gate.findings.defender.rights import REGISTRY
from gate.model.base import Instant, Value
from gate.model.finding import ScanState
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gate.policy.schema import DefenderPolicy

SCHEMA = "gate.doctor/1"
OK, HELD, FAILED = 0, 11, 12
"""Exit codes: all in order; an image would be held; it could not be asked."""
_RED = frozenset({CheckStatus.FAILED, CheckStatus.UNKNOWN})
_DETAIL_CHARACTERS = 300
_SIGNERS_MEND = (
    "list the root under which Defender signs findings artifacts: without it every image without findings is held"
)


class Finding(Value):
    """One check as it is shown: what it asks, how it ended, about what, and what to do."""

    id: str
    title: str
    status: CheckStatus
    subject: str
    detail: str
    mend: str
    state: ScanState | None
    """What every image's report would say because of it."""


class Diagnosis(Value):
    """What `gate doctor` prints.

    `green` says that an empty answer of Defender's would mean something, and that the identity may do what was asked.
    """

    model_config = ConfigDict(title=SCHEMA)

    schema_: Literal["gate.doctor/1"] = Field(default="gate.doctor/1", alias="schema")
    checked_at: Instant
    green: bool
    checks: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 if all is in order, 12 if something could not be asked, 11 if an image would be held for the rest."""
        said = {check.status for check in self.checks}
        if CheckStatus.UNKNOWN in said:
            return FAILED
        return OK if self.green else HELD


def diagnose(
    ask: Callable[[datetime], Preflight] | None,
    policy: DefenderPolicy,
    *,
    now: datetime,
    duties: Callable[[], Iterable[Check]] | None = None,
    scans: bool = True,
) -> Diagnosis:
    """Ask everything anew.

    Args:
        ask: runs the preflight; None where no registry is configured, which is a failed check of its own.
        policy: what is asked of Defender.
        now: the time of the diagnosis.
        duties: asks what the identity may do beside scanning; nothing of that kind is asked without it.
        scans: the identity is one that scans, so that somebody must be listed whose proof counts.
    """
    checks = [_configured(present=ask is not None)]
    if ask is not None:
        try:
            checks += ask(now).checks
        except GateError as error:
            checks.append(_failed(error))
        if duties is not None:
            checks += duties() if _signed_in(checks) else [Check(id=REGISTRY, status=CheckStatus.SKIPPED)]
    red = [check for check in checks if check.state is not None or check.status in _RED]
    found = [_finding(check) for check in checks]
    return Diagnosis(checked_at=now, green=not red, checks=(*found, _signers(policy)) if scans else tuple(found))


def _signed_in(checks: Iterable[Check]) -> bool:
    return any(check.id == "sign-in" and check.status is CheckStatus.OK for check in checks)


def _configured(*, present: bool) -> Check:
    if present:
        return Check(id="configured", status=CheckStatus.OK)
    return Check(id="configured", status=CheckStatus.FAILED, state=CHECKS["configured"].state)


def _failed(error: GateError) -> Check:
    detail = redact(f"{error.error_code}: {error.message}")[:_DETAIL_CHARACTERS]
    return Check(id="sign-in", status=CheckStatus.UNKNOWN, detail=detail, state=ScanState.SOURCE_ERROR)


def _finding(check: Check) -> Finding:
    return Finding(
        id=check.id,
        title=meaning_of(check.id).title,
        status=check.status,
        subject=check.subject,
        detail=check.detail,
        mend=check.mend,
        state=check.state,
    )


def _signers(policy: DefenderPolicy) -> Finding:
    """Say whether a clean image can be told at all: with nobody to believe, only rows prove a scan."""
    names = ", ".join(signer.name for signer in policy.signers)
    listed = bool(policy.signers or policy.scanners)
    return Finding(
        id="signers",
        title="policy names somebody whose proof of a clean scan counts",
        status=CheckStatus.OK if listed else CheckStatus.WARN,
        subject=names,
        detail="" if listed else "neither `findings.defender.signers` nor `scanners` names anybody",
        mend="" if listed else _SIGNERS_MEND,
        state=None,
    )


def render_text(diagnosis: Diagnosis) -> str:
    """Write the diagnosis for people: one line a check, and what to do below the ones that are not in order."""
    marks = {
        CheckStatus.OK: "+",
        CheckStatus.WARN: "!",
        CheckStatus.FAILED: "x",
        CheckStatus.UNKNOWN: "?",
        CheckStatus.SKIPPED: "-",
    }
    lines = []
    for check in diagnosis.checks:
        about = f" ({check.subject})" if check.subject else ""
        lines.append(f"{marks[check.status]} {check.id}: {check.title}{about}")
        if check.status is not CheckStatus.OK:
            lines += [f"    {check.detail}"] if check.detail else []
            lines += [f"    next: {check.mend}"] if check.mend else []
    verdict = "in order"
    if not diagnosis.green:
        held = any(check.state is not None for check in diagnosis.checks)
        verdict = "not in order: every image is held" if held else "not in order: what is decided can't be carried out"
    return "\n".join([*lines, verdict]) + "\n"
