"""Run pip-audit's own auditor over pins, with a service that answers from the local mirror."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from packaging.version import Version

from gate.data.osv import Advisory
from gate.findings.advisories.coverage import Pin
from gate.findings.advisories.grouping import closed_groups, finding
from gate.findings.advisories.matching import Match, match, parsed
from gate.findings.advisories.pip_audit_parts import (
    Auditor,
    Dependency,
    DependencySource,
    ResolvedDependency,
    ResolvedFixVersion,
    ServiceError,
    SkippedDependency,
    VulnerabilityID,
    VulnerabilityResult,
    VulnerabilityService,
)
from gate.model.finding import Finding


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

    def __init__(self, advisories: Mapping[str, Sequence[Advisory]], *, now: datetime) -> None:
        """Keep what was looked up; records withdrawn by `now` are left out."""
        self._advisories = advisories
        self._now = now
        self._matches: dict[tuple[str, Version], tuple[tuple[Advisory, Match], ...]] = {}

    def live(self, name: str) -> tuple[Advisory, ...]:
        """Return the records of a name that are not withdrawn.

        Raises:
            ServiceError: the name was never looked up, so that nothing can be said of it.
        """
        if name not in self._advisories:
            message = f"`{name}` was not looked up"
            raise ServiceError(message)
        return tuple(
            record for record in self._advisories[name] if record.withdrawn is None or record.withdrawn > self._now
        )

    def matches(self, name: str, version: Version) -> tuple[tuple[Advisory, Match], ...]:
        """Return the live records that do or may affect a version."""
        asked = (name, version)
        if asked not in self._matches:
            answers = ((record, match(record, version)) for record in self.live(name))
            self._matches[asked] = tuple(pair for pair in answers if pair[1] is not Match.UNAFFECTED)
        return self._matches[asked]

    def query(self, spec: Dependency) -> tuple[Dependency, list[VulnerabilityResult]]:
        """Answer for one dependency, in pip-audit's terms."""
        if not isinstance(spec, ResolvedDependency):
            return spec, []
        return spec, [_result(record) for record, _ in self.matches(spec.canonical_name, spec.version)]


def audit(pins: Sequence[Pin], advisories: Mapping[str, Sequence[Advisory]], *, now: datetime) -> Audited:
    """Audit every pin. What pip-audit skips is named; what it merges is closed over aliases and checked for losses.

    pip-audit's auditor merges results that share an alias, in one pass and dropping the merged one's own id; so its
    answer says which vulnerabilities there are, and the records say under which ids, closed transitively.

    Raises:
        ServiceError: a name was not looked up, or pip-audit's answer and the records do not cover each other.
    """
    service = MirrorService(advisories, now=now)
    found: dict[Pin, tuple[Finding, ...]] = {}
    skipped: dict[Pin, str] = {}
    answers = list(Auditor(service).audit(PinSource(pins)))
    for pin, (dependency, results) in zip(pins, answers, strict=True):
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
    matched = service.matches(pin.name, Version(pin.version))
    told = {str(identifier) for result in results for identifier in (result.id, *result.aliases)}
    findings: list[Finding] = []
    for ids in closed_groups(service.live(pin.name)):
        hits = [hit for hit in matched if hit[0].id in ids]
        if bool(hits) != bool(ids & told):
            message = f"pip-audit and the records differ on `{pin.name}` about `{min(ids)}`"
            raise ServiceError(message)
        if hits:
            findings.append(finding(hits, ids, component=pin.name, version=pin.version))
    return tuple(sorted(findings, key=lambda item: item.ids))


def _result(record: Advisory) -> VulnerabilityResult:
    return VulnerabilityResult.create(
        ids=[VulnerabilityID(identifier) for identifier in (record.id, *record.aliases)],
        description=record.summary or "N/A",
        fix_versions=sorted(_fix_versions(record)),
        published=None,
    )


def _fix_versions(record: Advisory) -> set[Version]:
    fixes = (parsed(event.fixed) for item in record.ranges for event in item.events if event.fixed is not None)
    return {version for version in fixes if version is not None}
