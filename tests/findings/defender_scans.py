"""Scan reports as somebody hands them in, and a place that keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from azure_world.sim_gate import DIGEST, NOW

from gate.findings.proof.interface import SubmittedScan

SCANNER = "acme/scanner"
REQUESTER = "acme/pipeline"
Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class KeptScans:
    """Keeps reports in memory, behind the production interface."""

    filed: list[SubmittedScan] = field(default_factory=list)
    requesters: frozenset[str] = frozenset({REQUESTER})

    def of(self, digest: str) -> tuple[SubmittedScan, ...]:
        return tuple(scan for scan in self.filed if scan.digest == digest)

    def judged(self, digest: str) -> frozenset[str]:
        del digest
        return self.requesters


def sarif(*results: Json, digest: str | None = DIGEST, tool: str = "Microsoft Security DevOps", **run: object) -> Json:
    """Return a report of one run. The shape is SARIF's; what Defender's command line writes was not captured."""
    made: Json = {
        "tool": {
            "driver": {
                "name": tool,
                "rules": [{"id": "CVE-2026-1", "properties": {"security-severity": "7.5", "packageName": "lodash"}}],
            }
        },
        "invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-11-01T11:00:00Z"}],
        "results": list(results),
    }
    if digest is not None:
        made["artifacts"] = [{"location": {"uri": f"host/staging/app@{digest}"}}]
    return {"version": "2.1.0", "runs": [{**made, **run}]}


def filed(
    report: Json | bytes,
    *,
    by: str = SCANNER,
    about: str = DIGEST,
    at: datetime = NOW - timedelta(minutes=5),
    requesters: frozenset[str] = frozenset({REQUESTER}),
) -> KeptScans:
    """Return a place in which one report was filed."""
    data = report if isinstance(report, bytes) else json.dumps(report).encode()
    scan = SubmittedScan(submitter=by, received_at=at, digest=about, report=data)
    return KeptScans(filed=[scan], requesters=requesters)
