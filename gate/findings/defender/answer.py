"""From everything that was gathered about one digest to one state. Pure: no I/O, and no row of it passes by default.

The table of docs/defender.md says the same in words; `tests/findings/test_defender_table.py` holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gate.findings.defender.model import NAME, latest
from gate.findings.proof.interface import NotProven, Proven
from gate.model.finding import Finding, ScanState, SourceReport
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.findings.defender.collect import Collected
    from gate.findings.defender.preflight import Preflight
    from gate.findings.proof.interface import Verdict
    from gate.model.digest import Digest

_MESSAGE_CHARACTERS = 500
_NOTHING = (
    "no row about this digest, no findings artifact attached to it and no scanner's report: zero rows say nothing"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """All that was asked about one digest, and what came of it.

    Attributes:
        subject: the digest.
        preflight: what must hold before an empty answer means anything.
        models: the rows of each model that was asked.
        artifacts: one verdict for each findings artifact on the digest.
        reports: one verdict for each report that was handed in.
    """

    subject: Digest
    preflight: Preflight
    models: tuple[Collected, ...]
    artifacts: tuple[Verdict, ...] = ()
    reports: tuple[Verdict, ...] = ()


def answer(gathered: Gathered, *, max_age: timedelta, now: datetime) -> SourceReport:
    """Name the state.

    Steps, numbered as in the code: 1. without a green preflight nothing else is looked at; 2. sources that contradict
    each other; 3. a scan that rows, an artifact or a report prove, with findings; 4. the same without; 5. what Defender
    says instead of scanning; 6. nothing, with every proof that did not count. 3 and 4 are stale if they are too old.
    """
    obstacle = gathered.preflight.obstacle
    if obstacle is not None or not gathered.preflight.green:  # 1
        detail = f"preflight `{obstacle.id}`: {obstacle.detail}" if obstacle else "no preflight was made"
        return report(gathered.subject, (obstacle and obstacle.state) or ScanState.SOURCE_ERROR, message=detail)
    contradiction = _contradiction(gathered)
    if contradiction:  # 2
        return report(gathered.subject, ScanState.DISAGREEMENT, message=contradiction)
    findings = _findings(gathered)
    if _scanned(gathered):  # 3, 4
        return _dated(gathered, findings, max_age=max_age, now=now)
    return _not_scanned(gathered)  # 5, 6


def report(  # noqa: PLR0913 - one parameter a field
    subject: Digest,
    state: ScanState,
    *,
    scanned_at: datetime | None = None,
    proof: str = "",
    findings: tuple[Finding, ...] = (),
    message: str = "",
) -> SourceReport:
    """Return Defender's report; its message is redacted and cut."""
    return SourceReport(
        source=NAME,
        subject=subject,
        state=state,
        scanned_at=scanned_at,
        proof=proof,
        findings=findings,
        message=redact(message)[:_MESSAGE_CHARACTERS],
    )


def _contradiction(gathered: Gathered) -> str:
    """Return in which way the sources contradict each other, or nothing."""
    proving = [model for model in gathered.models if model.proving]
    if len(proving) > 1 and len({bool(model.found) for model in proving}) > 1:
        return "one model of rows has findings, the other says healthy"
    if any(model.unhealthy and not model.found for model in gathered.models):
        return "the image is called unhealthy, and there is no row that says why"
    artifact, scan = _best(gathered.artifacts), _best(gathered.reports)
    listed = artifact.results if artifact is not None else 0
    if listed and not any(model.found for model in gathered.models) and not (scan and scan.findings):
        return f"the findings artifact lists {listed} result(s), and there is no row about this digest"
    return ""


def _scanned(gathered: Gathered) -> bool:
    """Say whether anything positive says that this digest was looked at."""
    proofs = (_best(gathered.artifacts), _best(gathered.reports))
    return any(model.proving for model in gathered.models) or any(proof is not None for proof in proofs)


def _dated(gathered: Gathered, findings: tuple[Finding, ...], *, max_age: timedelta, now: datetime) -> SourceReport:
    """Report a scan that was made, if it is fresh; one without a date is passed on as such, and policy holds it."""
    proof = _proof(gathered)
    scanned_at = latest(
        *(model.seen_at for model in gathered.models if model.proving),
        *(one.scanned_at for one in (_best(gathered.artifacts), _best(gathered.reports)) if one is not None),
    )
    if scanned_at is not None and now - scanned_at > max_age:
        message = f"the last scan known is from {scanned_at.isoformat()}"
        return report(gathered.subject, ScanState.STALE, scanned_at=scanned_at, proof=proof, message=message)
    state = ScanState.FINDINGS if findings else ScanState.CLEAN
    said = "; ".join(refused.reason for refused in _refused(gathered))
    return report(gathered.subject, state, scanned_at=scanned_at, proof=proof, findings=findings, message=said)


def _not_scanned(gathered: Gathered) -> SourceReport:
    """Report what Defender says instead of a scan, or that there is nothing, with every proof that did not count."""
    unsupported = next((model.unsupported for model in gathered.models if model.unsupported), "")
    if unsupported:
        return report(gathered.subject, ScanState.UNSUPPORTED, message=unsupported)
    if any(model.pending for model in gathered.models):
        return report(gathered.subject, ScanState.PENDING, message="Defender has scheduled the scan and not made it")
    return report(gathered.subject, ScanState.NOT_SCANNED, message=_why_not(gathered))


def _findings(gathered: Gathered) -> tuple[Finding, ...]:
    """Return every finding once, of all sources whose word counts: a report may add some and take none away."""
    scan = _best(gathered.reports)
    if len(gathered.models) == 1 and scan is None:
        return gathered.models[0].findings
    every = [finding for model in gathered.models for finding in model.findings]
    every += scan.findings if scan is not None else ()
    return tuple(sorted(dict.fromkeys(every), key=lambda item: (item.component, item.version, item.ids)))


def _proof(gathered: Gathered) -> str:
    """Name what the state rests on, the strongest first."""
    if _best(gathered.artifacts) is not None:
        return "artifact"
    return "rows" if any(model.proving for model in gathered.models) else "sarif"


def _why_not(gathered: Gathered) -> str:
    refused = _refused(gathered)
    rows = sum(model.rows for model in gathered.models)
    if rows and not refused:
        return f"{rows} row(s) name this digest, and none of them says that it was looked at"
    return "; ".join(f"{one.code}: {one.reason}" for one in refused) or _NOTHING


def _refused(gathered: Gathered) -> list[NotProven]:
    return [verdict for verdict in (*gathered.artifacts, *gathered.reports) if isinstance(verdict, NotProven)]


def _best(verdicts: Sequence[Verdict]) -> Proven | None:
    proofs = [verdict for verdict in verdicts if isinstance(verdict, Proven)]
    return max(proofs, key=lambda proof: proof.scanned_at, default=None)
