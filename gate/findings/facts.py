"""Facts that no source of findings has by itself: when a fix was first known, and what is known to be exploited.

They are put beside what a source told before evidence is kept, so that a decision is replayed from the evidence alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from gate.data.exploited import ExploitedFact
from gate.data.interface import DataKind
from gate.errors import GateError
from gate.model.finding import ScanState
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from gate.data.interface import ReferenceData
    from gate.findings.interface import FindingsSource
    from gate.model.finding import DataSnapshot, Finding, SourceReport
    from gate.model.image import Inventory

_SEPARATORS = re.compile(r"[-_.]+")
_MESSAGE_CHARACTERS = 500
_Key = tuple[str, str]


class Fixes(Protocol):
    """Keeps when a fix for a vulnerability of a component was first told of, by any source."""

    def first_seen(self, told: Mapping[_Key, datetime]) -> Mapping[_Key, datetime]:
        """Keep each `(component, id)` that is new with its time, and return the first time of each.

        Raises:
            StoreError: the storage failed.
        """
        ...


class WithFacts:
    """A source of findings, with those facts beside each finding. Where they can't be had, the source is in error."""

    def __init__(self, source: FindingsSource, *, data: ReferenceData, fixes: Fixes) -> None:
        """Stand before a source."""
        self._source = source
        self._data = data
        self._fixes = fixes

    @property
    def name(self) -> str:
        """The source's own name."""
        return self._source.name

    def report(self, inventory: Inventory, *, now: datetime) -> SourceReport:
        """Answer as the source does, with the facts; see the interface."""
        report = self._source.report(inventory, now=now)
        try:
            return self._completed(report, now)
        except GateError as error:
            message = f"{error.error_code}: {error.message}"
        except Exception as error:  # noqa: BLE001 - without the facts nothing is known of grace, whatever failed
            message = f"{type(error).__name__}: {error}"
        return report.model_copy(
            update={
                "state": ScanState.SOURCE_ERROR,
                "findings": (),
                "message": redact(f"the facts beside the findings can't be had: {message}")[:_MESSAGE_CHARACTERS],
            }
        )

    def _completed(self, report: SourceReport, now: datetime) -> SourceReport:
        snapshot = self._data.active(DataKind.KNOWN_EXPLOITED)
        exploited = self._exploited(snapshot, report.findings)
        told = {
            key: min(now, finding.fix_seen_at or now)
            for finding in report.findings
            if finding.fixed_in
            for key in _keys(finding)
        }
        seen = self._fixes.first_seen(told) if told else {}
        findings = tuple(_with(finding, exploited, seen) for finding in report.findings)
        also = report.also if snapshot is None else (*report.also, snapshot)
        return report.model_copy(update={"findings": findings, "also": also})

    def _exploited(self, snapshot: DataSnapshot | None, findings: Iterable[Finding]) -> Mapping[str, date]:
        """Return the day on which each of the findings' ids was listed, of those that are."""
        ids = sorted({identifier.upper() for finding in findings for identifier in finding.ids})
        if snapshot is None or not ids:
            return {}
        found = self._data.lookup(snapshot.kind, snapshot.digest, ids)
        facts = (ExploitedFact.parse(record) for records in found.values() for record in records)
        return {fact.cve: fact.added for fact in facts}


def _keys(finding: Finding) -> list[_Key]:
    component = _SEPARATORS.sub("-", finding.component).casefold()
    return [(component, identifier.upper()) for identifier in finding.ids]


def _with(finding: Finding, exploited: Mapping[str, date], seen: Mapping[_Key, datetime]) -> Finding:
    listed = [exploited[identifier.upper()] for identifier in finding.ids if identifier.upper() in exploited]
    first = [seen[key] for key in _keys(finding) if key in seen] if finding.fixed_in else []
    known = [] if finding.fix_seen_at is None else [finding.fix_seen_at]
    return finding.model_copy(
        update={
            "exploited_since": min(listed, default=None),
            "fix_seen_at": min([*known, *first], default=None),
        }
    )
