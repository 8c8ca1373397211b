"""The answer where no Defender source is configured: not scanned, never absent and never clean."""

from __future__ import annotations

from datetime import datetime

from gate.findings.defender.model import NAME
from gate.model.finding import ScanState, SourceReport
from gate.model.image import Inventory


class NoDefender:
    """Reports that nobody looked, and what to do about it."""

    @property
    def name(self) -> str:
        """The source's name in policy and reports."""
        return NAME

    def report(self, inventory: Inventory, *, now: datetime) -> SourceReport:
        """Answer `not_scanned`, whatever the image."""
        del now
        return SourceReport(
            source=NAME,
            subject=inventory.image.digest,
            state=ScanState.NOT_SCANNED,
            message="no Defender source is configured, so nothing is known of this digest: "
            "name the registries in `GATE_DEFENDER_REGISTRIES`, and ask `gate doctor`",
        )
