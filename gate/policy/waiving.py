"""Whether a waiver hides a vulnerability here and now: every reason for which it does not has a name. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from gate.model.exception import VULNERABILITY, WAIVED_NAME, Subject
from gate.model.origin import Kind
from gate.policy.dispose import Bounds, GrantState, grant_state

if TYPE_CHECKING:
    from gate.model.exception import Grant
    from gate.policy.rule import Case
    from gate.policy.schema import WorkflowPolicy
    from gate.policy.vulnerabilities import Vulnerability

_SEPARATORS = re.compile(r"[-_.]+")


class WaiverState(StrEnum):
    """What became of a waiver that names a vulnerability of the image."""

    IN_FORCE = "in_force"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    OTHER_SCOPE = "other_scope"
    TOO_WIDE = "too_wide"
    TOO_LONG = "too_long"
    SELF_APPROVED = "self_approved"
    NEVER = "never"
    MALICIOUS = "malicious"
    EXPLOITED = "exploited"


_HERE = {
    GrantState.IN_FORCE: WaiverState.IN_FORCE,
    GrantState.NOT_YET: WaiverState.NOT_YET,
    GrantState.EXPIRED: WaiverState.EXPIRED,
    GrantState.OTHER_SCOPE: WaiverState.OTHER_SCOPE,
    GrantState.OTHER_BYTES: WaiverState.OTHER_SCOPE,
}


def concerns(waiver: Grant, vulnerability: Vulnerability) -> bool:
    """Say whether a waiver names this vulnerability, by any of its ids, and this component and version."""
    if waiver.waives is None:
        return False
    named = waiver.waives.vulnerability.casefold()
    same_id = any(identifier.casefold() == named for identifier in vulnerability.ids)
    same_thing = _plain(waiver.name) == _plain(vulnerability.component)
    return same_id and same_thing and waiver.version in {"", vulnerability.version}


def too_wide(entry: str) -> bool:
    """Say whether a place of a scope is none below a registry: nothing at all, or a prefix right below the root."""
    return not entry.strip("/") or "*" in entry or (entry.endswith("/") and "/" not in entry.rstrip("/"))


def waiver_state(waiver: Grant, case: Case) -> WaiverState:
    """Say whether a waiver holds here and now, whatever it is about; a bad one holds nowhere and never."""
    return (
        waiver_fault(waiver, case.policy.workflow)
        or _HERE[grant_state(waiver, Bounds(now=case.now, repository=case.evidence.repository))]
    )


def waiver_fault(waiver: Grant, workflow: WorkflowPolicy) -> WaiverState | None:
    """Say what is wrong with a waiver wherever it is asked; approval refuses these, and a file could hold them."""
    if waiver.owner.key.casefold() == waiver.approver.key.casefold():
        return WaiverState.SELF_APPROVED
    if any(too_wide(entry) for entry in waiver.scope.repositories):
        return WaiverState.TOO_WIDE
    if waiver.expires - waiver.not_before > workflow.longest:
        return WaiverState.TOO_LONG
    if any(_plain(never) == _plain(f"{waiver.kind.value}/{waiver.name}") for never in workflow.never):
        return WaiverState.NEVER
    return None


def waivable(vulnerability: Vulnerability, case: Case) -> Subject | None:
    """Return what a waiver of a blocking vulnerability would be about, or None if it is to be mended otherwise.

    A fixed version is to be taken. What is malicious, exploited or never excepted is not waived, and neither is what
    the image does not have as one thing of one kind and version: nobody could say what the waiver is for.
    """
    ids = [one for one in sorted(vulnerability.ids, key=_commonest) if re.fullmatch(VULNERABILITY, one)]
    place = (_plain(vulnerability.component), vulnerability.version)
    parts = {
        (part.kind, _plain(part.name) if part.kind is Kind.PYPI else part.name)
        for part in case.evidence.image.components
        if (_plain(part.name), part.version) == place and re.fullmatch(WAIVED_NAME, part.name)
    }
    mended = vulnerability.fixed_in or vulnerability.malicious or vulnerability.exploited_since is not None
    if mended or not ids or len(parts) != 1 or not case.evidence.repository:
        return None
    ((kind, name),) = parts
    if any(_plain(never) == _plain(f"{kind.value}/{name}") for never in case.policy.workflow.never):
        return None
    repository, version = case.evidence.repository, vulnerability.version
    return Subject(kind=kind, name=name, version=version, repository=repository, vulnerability=ids[0])


def _commonest(identifier: str) -> tuple[bool, str]:
    """Put the id first that all sources know, so that the next evaluation names the same request."""
    return not identifier.upper().startswith("CVE-"), identifier


def waived_by(vulnerability: Vulnerability, case: Case) -> tuple[Grant | None, tuple[tuple[Grant, WaiverState], ...]]:
    """Return the waiver that hides a vulnerability, if one does, and those that name it and hide nothing, with why."""
    refused = []
    for waiver in case.evidence.exceptions.grants:
        if not concerns(waiver, vulnerability):
            continue
        state = waiver_state(waiver, case)
        if state is WaiverState.IN_FORCE and vulnerability.malicious:
            state = WaiverState.MALICIOUS
        if state is WaiverState.IN_FORCE and vulnerability.exploited_since and not case.policy.workflow.waive_exploited:
            state = WaiverState.EXPLOITED
        if state is WaiverState.IN_FORCE:
            return waiver, ()
        refused.append((waiver, state))
    return None, tuple(refused)


def _plain(name: str) -> str:
    return _SEPARATORS.sub("-", name).casefold()
