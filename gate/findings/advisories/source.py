"""The source `advisories`: every Python component of an image is audited, or named as not audited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from gate.data.conda_names import names_of
from gate.data.interface import DataKind, ReferenceData
from gate.errors import GateError
from gate.findings.advisories.coverage import Pin, answered_for, label, pins_of
from gate.findings.advisories.known import KnownAdvisories
from gate.model.digest import Digest
from gate.model.finding import DataSnapshot, ScanState, SourceReport
from gate.model.image import Component, Inventory
from gate.model.origin import Kind
from gate.model.redact import redact

NAME = "advisories"
PROOF = "local_audit"
_MESSAGE_CHARACTERS = 500


class AdvisorySource:
    """pip-audit over the imported OSV records. Asks nothing of anybody outside."""

    def __init__(self, data: ReferenceData) -> None:
        """Keep where reference data lies; nothing is read before the first report."""
        self._data = data
        self._known = KnownAdvisories(data)

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
        map_snapshot, conda_names = self._conda_names(components)
        pins = [pins_of(component, conda_names) for component in components]
        wanted = tuple(dict.fromkeys(pin for group in pins for pin in group))
        result = audit(wanted, self._known.of(snapshot, (pin.name for pin in wanted)), now=now)
        looked_at = [bool(group) and all(pin in result.findings for pin in group) for group in pins]
        own = {pin for group, component in zip(pins, components, strict=True) if not component.in_base for pin in group}
        in_base = set(wanted) - own
        report = SourceReport(
            source=NAME,
            subject=inventory.image.digest,
            state=ScanState.NOT_SCANNED,
            findings=tuple(
                item.model_copy(update={"in_base": pin in in_base})
                for pin in sorted(result.findings, key=_by_name)
                for item in result.findings[pin]
            ),
            audited=sum(looked_at),
            unaudited=tuple(sorted(label(item) for item, seen in zip(components, looked_at, strict=True) if not seen)),
            data=snapshot,
            also=() if map_snapshot is None else (map_snapshot,),
        )
        return _judged(report, now)

    def _conda_names(
        self, components: Iterable[Component]
    ) -> tuple[DataSnapshot | None, Mapping[str, tuple[str, ...]]]:
        """Look the conda packages up in the imported name map; without a map none has a name."""
        names = {component.name for component in components if component.kind is Kind.CONDA}
        snapshot = self._data.active(DataKind.CONDA_NAMES)
        if not names or snapshot is None:
            return None, {}
        found = self._data.lookup(snapshot.kind, snapshot.digest, names)
        return snapshot, {name: names_of(found[name]) for name in names}


def _by_name(pin: Pin) -> tuple[str, str]:
    return pin.name, pin.version


def _judged(report: SourceReport, now: datetime) -> SourceReport:
    """Name the state. Where nothing at all was audited, nothing is clean."""
    if report.audited:
        state = ScanState.FINDINGS if report.findings else ScanState.CLEAN
        return report.model_copy(update={"state": state, "scanned_at": now, "proof": PROOF})
    message = "no package in the image has a name and a version that could be audited"
    return report.model_copy(update={"message": message})


def _failed(subject: Digest, snapshot: DataSnapshot | None, message: str) -> SourceReport:
    return SourceReport(
        source=NAME,
        subject=subject,
        state=ScanState.SOURCE_ERROR,
        data=snapshot,
        message=redact(message)[:_MESSAGE_CHARACTERS],
    )
