"""What imported advisories say of a closed set: which findings block it, and whether a release is worth looking at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.data.conda_names import names_of
from gate.data.interface import DataKind
from gate.data.osv import Advisory
from gate.findings.advisories.coverage import Pin
from gate.findings.advisories.known import KnownName
from gate.model.origin import Kind
from gate.policy.proof import DATA_SKEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from gate.data.interface import ReferenceData
    from gate.model.finding import DataSnapshot, Finding
    from gate.model.resolution import ResolvedPackage
    from gate.policy.schema import FindingPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedAdvisories:
    """The advisories in use, as of one instant, for closed sets.

    Attributes:
        data: where reference data lies.
        snapshot: the advisories' own facts.
        names: the map of conda names, if one was imported.
    """

    data: ReferenceData
    snapshot: DataSnapshot
    names: DataSnapshot | None

    @property
    def used(self) -> tuple[DataSnapshot, ...]:
        """Which reference data every answer rests on."""
        return (self.snapshot,) if self.names is None else (self.snapshot, self.names)

    def known(self, packages: Iterable[ResolvedPackage]) -> bool:
        """Say whether there is any advisory at all about one of the packages."""
        return any(self._records({pin.name for _, pin in self._pins(packages)}).values())

    def blocking(
        self, packages: Sequence[ResolvedPackage], policy: FindingPolicy, now: datetime
    ) -> tuple[Finding, ...]:
        """Return the findings on the packages that policy blocks for; of conda packages under `conda/<name>`.

        Raises:
            ServiceError: pip-audit's answer and the records do not cover each other.
        """
        from gate.findings.advisories.audit import audit  # noqa: PLC0415 - importing pip-audit takes 0.4 s

        pins = self._pins(packages)
        records = self._records({pin.name for _, pin in pins})
        known = {name: KnownName(Advisory.parse(one) for one in raw) for name, raw in records.items()}
        result = audit(tuple(dict.fromkeys(pin for _, pin in pins)), known, now=now)
        return tuple(
            one.model_copy(update={"component": f"{package.kind.value}/{package.name}"})
            for package, pin in pins
            for one in result.findings.get(pin, ())
            if one.malicious or one.severity in policy.block
        )

    def _pins(self, packages: Iterable[ResolvedPackage]) -> list[tuple[ResolvedPackage, Pin]]:
        found = list(packages)
        conda = {one.name for one in found if one.kind is Kind.CONDA}
        mapped: Mapping[str, tuple[str, ...]] = {}
        if conda and self.names is not None:
            mapped = self.data.lookup(self.names.kind, self.names.digest, conda)
        return [
            (one, Pin(name=name, version=one.version))
            for one in found
            for name in (names_of(mapped.get(one.name, ())) if one.kind is Kind.CONDA else (one.name,))
        ]

    def _records(self, names: set[str]) -> Mapping[str, tuple[str, ...]]:
        return self.data.lookup(self.snapshot.kind, self.snapshot.digest, sorted(names)) if names else {}


def imported_advisories(data: ReferenceData, policy: FindingPolicy, now: datetime) -> ImportedAdvisories | None:
    """Return the advisories in use; None if there are none, or if policy takes none of their date."""
    snapshot = data.active(DataKind.OSV_PYPI)
    if snapshot is None or not -DATA_SKEW <= now - snapshot.published_at <= policy.advisories.hard_age:
        return None
    return ImportedAdvisories(data=data, snapshot=snapshot, names=data.active(DataKind.CONDA_NAMES))


def known_on_pypi(data: ReferenceData, name: str) -> bool:
    """Say whether the imported map of conda names tells of a project of PyPI under this PEP 503 name.

    Nobody is asked: a name that is not in the map is not known, and is sent nowhere.
    """
    snapshot = data.active(DataKind.CONDA_NAMES)
    if snapshot is None:
        return False
    return name in names_of(data.lookup(snapshot.kind, snapshot.digest, [name])[name])
