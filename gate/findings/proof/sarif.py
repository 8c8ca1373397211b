"""A scan report that somebody handed in: the SARIF of Defender's command line or of Microsoft Security DevOps.

Source: SARIF 2.1.0 (OASIS). It counts only from an identity that policy names as a scanner, who is not the one whose
image is judged, and only if the report itself names the digest. A run that did not finish proves nothing, and neither
does a report without a run: both would otherwise look like a scan that found nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from gate.errors import InputError
from gate.findings.cvss import rating
from gate.findings.proof.interface import NotProven, Proven, SubmittedScan, Verdict
from gate.model.base import sha256_of
from gate.model.finding import Finding, FindingSeverity
from gate.registry.content import strict_object

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from gate.findings.proof.interface import Scans
    from gate.policy.schema import DefenderPolicy

KIND = "sarif"
VERSION = "2.1.0"
TOOLS = ("defender", "mdvm", "microsoft security devops")
"""What a run's tool must be called, in lower case and at the beginning."""
CLOCK_SKEW = timedelta(minutes=5)
_SUMMARY_CHARACTERS = 300
_RESULTS = 200_000


class _RefusedError(ValueError):
    def __init__(self, *, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def look(scans: Scans, digest: str, policy: DefenderPolicy, *, now: datetime) -> tuple[Verdict, ...]:
    """Return one verdict for each report that was filed about the digest.

    Raises:
        GateError: what was handed in can't be read back.
    """
    filed = scans.of(digest)
    if not filed:
        return ()
    judged = {identity.lower() for identity in scans.judged(digest)}
    return tuple(verdict_of(scan, digest, policy, judged, now=now) for scan in filed)


def check_form(report: bytes) -> None:
    """Refuse what is no SARIF report with a run: whoever handed it in, it could never count.

    Raises:
        InputError: `report_unreadable`.
    """
    try:
        _form(report)
    except _RefusedError as error:
        message = f"the report can't be read: {error}"
        raise InputError(
            message, code=error.code, hint=f"hand in a SARIF {VERSION} report as the scanner wrote it"
        ) from None


def verdict_of(
    scan: SubmittedScan, digest: str, policy: DefenderPolicy, judged: Collection[str], *, now: datetime
) -> Verdict:
    """Say whether one report proves a scan of the digest; `judged` are the keys of who asked for its release."""
    try:
        return _proven(scan, digest, policy, judged, now)
    except _RefusedError as error:
        return NotProven(kind=KIND, code=error.code, reason=f"scan report: {error}")


def _proven(scan: SubmittedScan, digest: str, policy: DefenderPolicy, judged: Collection[str], now: datetime) -> Proven:
    """Say what the report proves.

    Steps, numbered as in the code: 1. a scanner of policy handed it in, who does not ask for this image's release;
    2. it was filed about this digest; 3. it is SARIF whose every run finished; 4. a run names the digest; 5. the time.
    """
    submitter = scan.submitter.lower()
    if submitter not in policy.scanners:  # 1
        _refuse("not_a_scanner", "policy does not name who handed it in as a scanner")
    if submitter in judged:
        _refuse("own_proof", "who handed it in asked for the image's release")
    if scan.digest != digest:  # 2
        _refuse("other_subject", "it was filed about another digest")
    runs = _runs(scan.report)
    ended = [_ended(run) for run in runs]  # 3
    if not any(_names(run, digest) for run in runs):  # 4
        _refuse("digest_not_named", "it does not name the digest")
    scanned_at = min(ended)  # 5
    if scanned_at > now + CLOCK_SKEW or scanned_at > scan.received_at + CLOCK_SKEW:
        _refuse("from_the_future", "it is dated after it was handed in")
    findings = tuple(finding for run in runs for finding in _findings(run))
    evidence = {"report": sha256_of(scan.report), "submitter": submitter}
    return Proven(kind=KIND, scanned_at=scanned_at, results=len(findings), findings=findings, evidence=evidence)


def _form(report: bytes) -> list[Any]:
    try:
        whole = strict_object(report, what="the report")
    except InputError as error:
        _refuse("report_unreadable", error.message)
    runs = whole.get("runs")
    if whole.get("version") != VERSION or not isinstance(runs, list) or not runs:
        _refuse("report_unreadable", f"it is no SARIF {VERSION} with a run")
    return runs


def _runs(report: bytes) -> list[dict[str, Any]]:
    runs = _form(report)
    for run in runs:
        tool = _inside(run, "tool", "driver").get("name")
        if not isinstance(tool, str) or not tool.lower().startswith(TOOLS):
            _refuse("other_tool", "a run of it was made by another tool")
        if not isinstance(run.get("results"), list) or len(run["results"]) > _RESULTS:
            _refuse("report_unreadable", "a run lists no results, not even none")
    return runs


def _ended(run: dict[str, Any]) -> datetime:
    """Return when a run ended; all of its invocations must have succeeded, and there must be one."""
    invocations = run.get("invocations")
    if not isinstance(invocations, list) or not invocations:
        _refuse("not_finished", "a run does not say that it finished")
    ends: list[datetime] = []
    for invocation in invocations:
        if not isinstance(invocation, dict) or invocation.get("executionSuccessful") is not True:
            _refuse("not_finished", "a run did not finish")
        try:
            end = datetime.fromisoformat(str(invocation.get("endTimeUtc")))
        except ValueError:
            end = None
        if end is None or end.tzinfo is None:
            _refuse("no_time", "a run does not say when it finished")
        ends.append(end.astimezone(UTC))
    return min(ends)


def _names(run: dict[str, Any], digest: str) -> bool:
    """Say whether the run says what it scanned, and that it was this digest: an artifact or property of that name."""
    artifacts = run.get("artifacts")
    properties = run.get("properties")
    values = [properties.get("imageDigest")] if isinstance(properties, dict) else []
    for artifact in artifacts if isinstance(artifacts, list) else []:
        location = _inside(artifact, "location").get("uri")
        values.append(location.rpartition("@")[2] if isinstance(location, str) else None)
    return digest in values


def _findings(run: dict[str, Any]) -> Iterator[Finding]:
    rules = _inside(run, "tool", "driver").get("rules")
    known = {rule["id"]: rule for rule in rules or () if isinstance(rule, dict) and isinstance(rule.get("id"), str)}
    for result in run["results"]:
        rule = result.get("ruleId") if isinstance(result, dict) else None
        if not isinstance(rule, str) or not rule:
            _refuse("report_unreadable", "a result names no rule")
        yield _finding(result, rule, _inside(known.get(rule, {}), "properties"))


def _finding(result: Mapping[str, Any], rule: str, properties: Mapping[str, Any]) -> Finding:
    own = _inside(result, "properties")
    package = own.get("packageName") or properties.get("packageName")
    version = own.get("packageVersion") or properties.get("packageVersion")
    fixed = own.get("fixedVersion") or properties.get("fixedVersion")
    text = _inside(result, "message").get("text")
    return Finding(
        ids=(rule,),
        component=package if isinstance(package, str) else rule,
        version=version if isinstance(version, str) else "",
        severity=_severity(properties, own),
        fixed_in=(fixed,) if isinstance(fixed, str) and fixed else (),
        summary=" ".join(text.split())[:_SUMMARY_CHARACTERS] if isinstance(text, str) else "",
        status="reported",
    )


def _severity(*properties: Mapping[str, Any]) -> FindingSeverity:
    """Return the rating of `security-severity`, a CVSS score as text; unknown where there is none. Levels say less."""
    for holder in properties:
        try:
            return rating(float(str(holder["security-severity"])))
        except (KeyError, ValueError):
            continue
    return FindingSeverity.UNKNOWN


def _inside(value: object, *keys: str) -> dict[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _refuse(code: str, why: str) -> NoReturn:
    raise _RefusedError(code=code, why=why)
