"""Run pip-audit's own auditor over pins, with a service that answers from the local mirror."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from packaging.version import Version

from gate.data.osv import parsed
from gate.findings.advisories.coverage import Pin
from gate.findings.advisories.known import KnownName, Vulnerability
from gate.findings.advisories.pip_audit_parts import (
    Auditor,
    Dependency,
    DependencySource,
    ResolvedDependency,
    ResolvedFixVersion,
    ServiceError,
    SkippedDependency,
    VulnerabilityResult,
    VulnerabilityService,
)
from gate.model.finding import Finding

_PART = 16
"""Results that are handed to pip-audit's auditor at once; its time grows with their square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """Pins with what was found on each; and pins that were not looked at, with the reason."""

    findings: Mapping[Pin, tuple[Finding, ...]]
    skipped: Mapping[Pin, str]


class PinSource(DependencySource):  # type: ignore[misc] # pip-audit carries no type information
    """Hands pins to pip-audit. A version that has no PEP 440 meaning is handed over as skipped, with the reason."""

    def __init__(self, pins: Sequence[Pin]) -> None:
        """Keep the pins."""
        self._pins = pins

    def collect(self) -> Iterator[Dependency]:
        """Yield one dependency a pin, in order."""
        for pin in self._pins:
            version = parsed(pin.version)
            if version is None:
                yield SkippedDependency(name=pin.name, skip_reason="the version is not one of PEP 440")
            else:
                yield ResolvedDependency(name=pin.name, version=version)

    def fix(self, fix_version: ResolvedFixVersion) -> None:
        """Refuse: the gate changes nothing that it judges."""
        raise NotImplementedError(fix_version)


class MirrorService(VulnerabilityService):  # type: ignore[misc] # as above
    """Answers pip-audit from advisories already looked up: by name, every name asked for present."""

    def __init__(self, known: Mapping[str, KnownName], *, now: datetime) -> None:
        """Keep what was looked up; records withdrawn by `now` are left out."""
        self._known = known
        self._now = now

    def vulnerabilities(self, name: str, version: Version) -> tuple[Vulnerability, ...]:
        """Return what the live records say that does or may affect a version, one a closed group of ids.

        Raises:
            ServiceError: the name was never looked up, so that nothing can be said of it.
        """
        known = self._known.get(name)
        if known is None:
            message = f"`{name}` was not looked up"
            raise ServiceError(message)
        return known.vulnerabilities(version, self._now)

    def query(self, spec: Dependency) -> tuple[Dependency, list[VulnerabilityResult]]:
        """Answer for one dependency, in pip-audit's terms."""
        if not isinstance(spec, ResolvedDependency):
            return spec, []
        return spec, [one.result for one in self.vulnerabilities(spec.canonical_name, spec.version)]

    def query_all(self, specs: Iterator[Dependency]) -> Iterator[tuple[Dependency, list[VulnerabilityResult]]]:
        """Answer for each dependency, in parts: pip-audit holds every result of a part against every other.

        A vulnerability is one result under all its ids, so that no two parts have anything to merge.
        """
        for spec in specs:
            dependency, results = self.query(spec)
            for start in range(0, max(len(results), 1), _PART):
                yield dependency, results[start : start + _PART]


def audit(pins: Sequence[Pin], known: Mapping[str, KnownName], *, now: datetime) -> Audited:
    """Audit every pin. What pip-audit skips is named; what it answers is held to the records.

    pip-audit's auditor merges results that share an alias in one pass, and drops the merged one's own id. So it is
    given one result a vulnerability, under every id that the records know, closed transitively.

    Raises:
        ServiceError: a name was not looked up, or pip-audit's answer and the records do not cover each other.
    """
    service = MirrorService(known, now=now)
    found: dict[Pin, tuple[Finding, ...]] = {}
    skipped: dict[Pin, str] = {}
    parts = groupby(Auditor(service).audit(PinSource(pins)), key=lambda part: id(part[0]))
    answers = [list(each) for _, each in parts]
    for pin, answer in zip(pins, answers, strict=True):
        dependency = answer[0][0]
        results = [result for _, part in answer for result in part]
        if dependency.is_skipped():
            skipped[pin] = dependency.skip_reason
        else:
            found[pin] = reconciled(pin, service, results)
    return Audited(findings=found, skipped=skipped)


def reconciled(pin: Pin, service: MirrorService, results: Sequence[VulnerabilityResult]) -> tuple[Finding, ...]:
    """Return one finding for each vulnerability of a pin that pip-audit's results tell of.

    Raises:
        ServiceError: the results and the records do not cover each other: something was lost on the way.
    """
    vulnerabilities = service.vulnerabilities(pin.name, Version(pin.version))
    told = {str(identifier) for result in results for identifier in (result.id, *result.aliases)}
    lost = [min(one.ids) for one in vulnerabilities if not one.ids & told]
    extra = told.difference(*(one.ids for one in vulnerabilities))
    if lost or extra:
        message = f"pip-audit and the records differ on `{pin.name}` about `{min([*lost, *extra])}`"
        raise ServiceError(message)
    made = (one.finding(component=pin.name, version=pin.version) for one in vulnerabilities)
    return tuple(sorted(made, key=lambda item: item.ids))
