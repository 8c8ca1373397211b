"""No file of the set is younger than the cooling-off period, unless it mends what blocks the same environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from gate.model.base import format_instant
from gate.model.decision import Status
from gate.policy.rule import Explanation, result
from gate.policy.sets.rule import LIFTABLE, each, lifted, params, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.model.decision import RuleResult
    from gate.model.finding import Finding
    from gate.model.resolution import ResolvedFile, ResolvedPackage
    from gate.policy.sets.rule import ClosedSet


class CoolingOff:
    """Every file has been public for a while, by its own upload time: most malicious releases are found in days."""

    id = "cooling-off"
    title = "No file of the closed set is younger than the cooling-off period."
    codes: Mapping[str, Explanation] = LIFTABLE | {
        "too_young": Explanation(
            reason="`{file}` was uploaded at {uploaded}; it is taken from {from} on",
            way_out="pin the version before it, or wait until then",
        ),
        "upload_time_unknown": Explanation(
            reason="the origin does not say when `{file}` was uploaded",
            way_out="use an index that says so (PEP 700), or file an exception request for the file",
        ),
        "uploaded_in_future": Explanation(
            reason="`{file}` is said to be uploaded at {uploaded}, which is still to come",
            way_out="check the clock of this machine and of the origin",
        ),
        "waived_for_fix": Explanation(
            reason="`{file}` is younger than the cooling-off period, and mends {advisory} in this environment",
            way_out="nothing to do",
        ),
    }

    def check(self, case: ClosedSet) -> Iterator[RuleResult]:
        """Yield a result for every file that is too young, or of which that can't be told."""
        yield from each(self.id, case, self._found(case))

    def _found(self, case: ClosedSet) -> Iterator[RuleResult]:
        for package in case.resolution.packages:
            for file in package.files:
                for found in self._file(package, file, case):
                    yield lifted(self.id, package, file, case, found)

    def _file(self, package: ResolvedPackage, file: ResolvedFile, case: ClosedSet) -> Iterator[RuleResult]:
        told = params(package) | {"file": file.filename}
        if file.upload_time is None:
            yield result(self.id, Status.UNKNOWN, "upload_time_unknown", subject(package), **told)
            return
        told["uploaded"] = format_instant(file.upload_time)
        end = file.upload_time + case.demands.cooling_off
        if file.upload_time > case.now:
            yield result(self.id, Status.UNKNOWN, "uploaded_in_future", subject(package), **told)
        elif case.now < end:
            advisory = _fixes(package, case.blocking)
            told |= {"from": format_instant(end), "advisory": advisory}
            code, status = ("waived_for_fix", Status.WARN) if advisory else ("too_young", Status.FAIL)
            yield result(self.id, status, code, subject(package), **told)


def _fixes(package: ResolvedPackage, blocking: tuple[Finding, ...]) -> str:
    """Return the first blocking finding that this very version is the fix for; nothing if there is none.

    A later version than the fix waits like any other: who takes over a project could publish one.
    """
    version = _version(package.version)
    for finding in blocking:
        same = finding.component in {f"{package.kind.value}/{package.name}", package.name}
        fixed = [one for text in finding.fixed_in if (one := _version(text)) is not None]
        was = _version(finding.version)
        if same and version is not None and version in fixed and was is not None and was < version:
            return finding.ids[0] if finding.ids else "an advisory"
    return ""


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
