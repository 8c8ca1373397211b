"""The source `advisories`: every Python component of an image is audited, or named as not audited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from gate.data.interface import DataKind, ReferenceData
from gate.data.osv import Advisory
from gate.errors import GateError
from gate.findings.advisories.coverage import Pin, answered_for, label, pins_of
from gate.model.digest import Digest
from gate.model.finding import DataSnapshot, Finding, ScanState, SourceReport
from gate.model.image import Inventory
from gate.model.redact import redact

NAME = "advisories"
PROOF = "local_audit"
_MESSAGE_CHARACTERS = 500


class AdvisorySource:
    """pip-audit over the imported OSV records. Asks nothing of anybody outside."""

    def __init__(self, data: ReferenceData) -> None:
        """Keep where reference data lies; nothing is read before the first report."""
        self._data = data

    @property
    def name(self) -> str:
        """The source's name in policy and reports."""
        return NAME

    def report(self, inventory: Inventory, *, now: datetime) -> SourceReport:
        """Answer for the image; see the interface."""
        subject = inventory.image.digest
        snapshot: DataSnapshot | None = None
        try:
            snapshot = self._data.active(DataKind.OSV_PYPI)
            if snapshot is None:
                return _failed(subject, None, "no advisories were imported: run `gate data import osv-pypi FILE`")
            return self._audited(inventory, snapshot, now)
        except GateError as error:
            return _failed(subject, snapshot, f"{error.error_code}: {error.message}")
        except Exception as error:  # noqa: BLE001 - a source that fails in any way is a state, never a missing row
            return _failed(subject, snapshot, f"{type(error).__name__}: {error}")

    def _audited(self, inventory: Inventory, snapshot: DataSnapshot, now: datetime) -> SourceReport:
        from gate.findings.advisories.audit import audit  # noqa: PLC0415 - importing pip-audit takes 0.4 s

        components = answered_for(inventory.components)
        pins = [pins_of(component, {}) for component in components]
        wanted = tuple(dict.fromkeys(pin for group in pins for pin in group))
        result = audit(wanted, self._advisories(snapshot, wanted), now=now)
        looked_at = [bool(group) and all(pin in result.findings for pin in group) for group in pins]
        unaudited = tuple(sorted(label(item) for item, seen in zip(components, looked_at, strict=True) if not seen))
        findings = tuple(item for pin in sorted(result.findings, key=_by_name) for item in result.findings[pin])
        return _report(
            inventory.image.digest, snapshot, now, audited=sum(looked_at), unaudited=unaudited, findings=findings
        )

    def _advisories(self, snapshot: DataSnapshot, pins: Iterable[Pin]) -> Mapping[str, tuple[Advisory, ...]]:
        names = sorted({pin.name for pin in pins})
        records = self._data.lookup(snapshot.kind, snapshot.digest, names)
        return {name: tuple(Advisory.parse(record) for record in records[name]) for name in names}


def _by_name(pin: Pin) -> tuple[str, str]:
    return pin.name, pin.version


def _report(  # noqa: PLR0913 - the report's own fields
    subject: Digest,
    snapshot: DataSnapshot,
    now: datetime,
    *,
    audited: int,
    unaudited: tuple[str, ...],
    findings: tuple[Finding, ...],
) -> SourceReport:
    """Name the state. Where nothing at all was audited, nothing is clean."""
    state = ScanState.FINDINGS if findings else ScanState.CLEAN
    message = ""
    if not audited:
        state = ScanState.NOT_SCANNED
        message = "nothing in the image could be audited: " + (
            "no component has a name and a version that advisories know" if unaudited else "it has no such component"
        )
    return SourceReport(
        source=NAME,
        subject=subject,
        state=state,
        scanned_at=now if audited else None,
        proof=PROOF if audited else "",
        findings=findings,
        audited=audited,
        unaudited=unaudited,
        data=snapshot,
        message=message,
    )


def _failed(subject: Digest, snapshot: DataSnapshot | None, message: str) -> SourceReport:
    return SourceReport(
        source=NAME,
        subject=subject,
        state=ScanState.SOURCE_ERROR,
        data=snapshot,
        message=redact(message)[:_MESSAGE_CHARACTERS],
    )
