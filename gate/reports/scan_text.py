"""What became of a handed-in scan report, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.exceptions.plain import plain
from gate.model.base import format_instant

if TYPE_CHECKING:
    from gate.findings.proof.interface import FiledScan

_NEXT = {
    "not_a_scanner": "have the security team list this identity in `findings.defender.scanners`",
    "own_proof": "let another identity ask for the release, or hand the report in",
    "digest_not_named": "scan the image by its digest, so that the report names it",
    "not_finished": "scan again, and hand in the report of a run that finished",
    "other_tool": "hand in the report of Defender's command line or of Microsoft Security DevOps",
}


def render(filed: FiledScan) -> str:
    """Return a few lines: what is kept, of whom, and whether it proves a scan."""
    role = "a scanner of policy" if filed.scanner else "no scanner of policy"
    lines = [
        f"{'PROVES A SCAN' if filed.counts else 'KEPT, PROVES NOTHING'}  {filed.digest}",
        f"  report      {filed.report}",
        f"  handed in   by {plain(filed.submitter)}, {role}",
    ]
    if filed.scanned_at is not None:
        lines.append(f"  scanned     {format_instant(filed.scanned_at)}, {filed.results} result(s)")
    if not filed.counts:
        lines.append(f"  why not     {plain(filed.code)}: {plain(filed.reason)}")
        lines.append(f"  next        {_NEXT.get(filed.code, 'hand in a report that says what was scanned, and when')}")
    return "\n".join(lines) + "\n"
