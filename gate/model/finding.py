"""A vulnerability reported on a component by one source, and the state of that source for one image."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import Field

from gate.model.base import Instant, Value, unsaid
from gate.model.digest import Digest


class ScanState(StrEnum):
    """What a source knows of one digest. Only `clean` and `findings` go on to the severity rules."""

    NOT_SCANNED = "not_scanned"
    PENDING = "pending"
    CLEAN = "clean"
    FINDINGS = "findings"
    STALE = "stale"
    UNSUPPORTED = "unsupported"
    PLAN_OFF = "plan_off"
    NO_PERMISSION = "no_permission"
    SOURCE_ERROR = "source_error"
    DISAGREEMENT = "disagreement"


class FindingSeverity(StrEnum):
    """Severities as sources give them. `unknown` is a value of its own and is never taken for low."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"


class Finding(Value):
    """One vulnerability on one component. `ids` holds the id first, then every alias, sorted."""

    ids: tuple[str, ...]
    component: str
    version: str
    severity: FindingSeverity
    fixed_in: tuple[str, ...] = ()
    malicious: bool = False
    summary: str = ""
    status: str = ""
    """The source's own word where it has one (`Unhealthy`, `NotApplicable/Exempt` …)."""
    fix_seen_at: Instant | None = Field(default=None, exclude_if=unsaid)
    """When this gate first knew of a fix, or a record that names it was last changed: whichever is earlier."""
    exploited_since: date | None = Field(default=None, exclude_if=unsaid)
    """The day on which one of its ids was added to the known exploited vulnerabilities."""
    in_base: bool | None = Field(default=None, exclude_if=unsaid)
    """Whether every component that it is about lies in layers of a listed base; nothing if the source can't tell."""


class DataSnapshot(Value):
    """Reference data that was used: which bytes, from where, how old (all instants UTC)."""

    kind: str
    digest: Digest
    source: str
    published_at: Instant
    imported_at: Instant


class SourceReport(Value):
    """What one source answered for one digest. Zero findings say nothing without the state."""

    source: str
    subject: Digest
    state: ScanState
    scanned_at: Instant | None = None
    proof: str = ""
    """What the state rests on, in one code (`artifact`, `rows`, `sarif`, `local_audit`, `recording` …)."""
    recorded: bool = False
    findings: tuple[Finding, ...] = ()
    audited: int = 0
    unaudited: tuple[str, ...] = ()
    """`kind/name@version` that the source could not look at. Never left out, never taken for clean."""
    data: DataSnapshot | None = None
    also: tuple[DataSnapshot, ...] = ()
    """Other reference data that the answer rests on (the map of conda names)."""
    message: str = ""
