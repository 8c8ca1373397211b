"""What every source of findings answers: a report with a state, never a bare list."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gate.model.finding import SourceReport
from gate.model.image import Inventory


class FindingsSource(Protocol):
    """One source.

    Implementations raise nothing of their own making: what fails becomes a report whose state is `source_error`,
    so that a source that could not look is never a missing row.
    """

    @property
    def name(self) -> str:
        """The source's name in policy and reports (`defender`, `advisories`)."""
        ...

    def report(self, inventory: Inventory, *, now: datetime) -> SourceReport:
        """Answer for the image whose inventory this is, as of `now` (UTC)."""
        ...
