"""What must hold before an empty answer means anything, each check with what to do about it.

Azure hides what an identity may not see and answers with nothing where nothing is switched on. So before "no rows" is
believed, the gate asks for things that can't be missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gate.findings.defender.rights import APART, IMPORT, IMPORT_ROLE, NEEDS, REGISTRY, SOFT_DELETE
from gate.model.base import Instant, Value
from gate.model.finding import ScanState


class CheckStatus(StrEnum):
    """How a check ended. `unknown` could not be asked; `skipped` depends on one that failed."""

    OK = "ok"
    WARN = "warn"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a check asks, what to do where it fails, and the state of an image's report then."""

    title: str
    mend: str
    state: ScanState | None = None


CHECKS: Mapping[str, Meaning] = {
    "configured": Meaning(
        title="a registry whose scans are asked for is named",
        mend="set GATE_DEFENDER_REGISTRIES and GATE_AZURE_TENANT; until then every image is held as not scanned",
        state=ScanState.NOT_SCANNED,
    ),
    "sign-in": Meaning(
        title="the gate's identity gets a token",
        mend="set AZURE_CLIENT_ID with a federated token, a secret or a certificate, or give the machine an identity",
        state=ScanState.NO_PERMISSION,
    ),
    "tenant": Meaning(
        title="the subscription is the configured tenant's, and enabled",
        mend="set GATE_AZURE_TENANT to the subscription's tenant, and give the gate's identity the role Reader there;"
        " a subscription that is not `Enabled` has to be switched on again",
        state=ScanState.NO_PERMISSION,
    ),
    "provider": Meaning(
        title="the provider Microsoft.Security is registered",
        mend="az provider register --namespace Microsoft.Security --subscription {subject}",
        state=ScanState.PLAN_OFF,
    ),
    "plan": Meaning(
        title="a plan that scans registries is on, with its extension for them",
        mend="switch on Defender for Containers and in it `Registry access`"
        " (extension ContainerRegistriesVulnerabilityAssessments)",
        state=ScanState.PLAN_OFF,
    ),
    "artifacts": Meaning(
        title="Defender attaches signed findings to what it scanned",
        mend="switch on `Security findings` (extension ContainerIntegrityContribution) in Defender for Containers:"
        " without it a clean image can't be told from one that was never scanned",
        state=ScanState.NOT_SCANNED,
    ),
    "registry-visible": Meaning(
        title="Resource Graph shows the registry to the gate's identity",
        mend="give the gate's identity the role Reader on the registry, and check its id in GATE_DEFENDER_REGISTRIES",
        state=ScanState.NO_PERMISSION,
    ),
    "security-reader": Meaning(
        title="the gate's identity may read assessments",
        mend="give the gate's identity the role Security Reader on the registry's subscription",
        state=ScanState.NO_PERMISSION,
    ),
    "rows-visible": Meaning(
        title="Resource Graph shows any assessment of the subscription at all",
        mend="give the gate's identity the role Security Reader on the subscription; that takes some minutes",
        state=ScanState.NO_PERMISSION,
    ),
    "registry-reader": Meaning(
        title="the gate's identity may pull, by the kind of roles that the registry honours",
        mend="classic registry: AcrPull; registry with attribute-based access: Container Registry Repository Reader,"
        " for AcrPull counts for nothing there",
        state=ScanState.NO_PERMISSION,
    ),
    "quarantine": Meaning(
        title="the registry's quarantine policy is off",
        mend="switch the quarantine policy off: it hides pushed images, and a staging repository does its job",
        state=ScanState.NOT_SCANNED,
    ),
    "network": Meaning(
        title="Defender gets past the registry's firewall",
        mend="allow trusted Microsoft services (networkRuleBypassOptions: AzureServices): else nothing is scanned",
        state=ScanState.NOT_SCANNED,
    ),
    "canary": Meaning(
        title="the image that must have findings has some",
        mend="check GATE_DEFENDER_CANARY: push that image again if it was not pulled for 30 days;"
        " if it was scanned before, the way in which findings are asked for may have been retired",
        state=ScanState.SOURCE_ERROR,
    ),
}
"""Every check in the order of trust: the first that fails names the state."""

DUTY_CHECKS: Mapping[str, Meaning] = {
    REGISTRY: Meaning(
        title="what an identity may do in a registry can be told",
        mend="give the identity the role Reader on the registry, and name the registry's resource id in"
        " GATE_DEFENDER_REGISTRIES or GATE_ACR_IMPORT",
    ),
    **{need.id: Meaning(title=need.title, mend=need.mend) for need in NEEDS.values()},
    IMPORT: Meaning(
        title="the identity that is to promote may have Azure bring images between the registries of GATE_ACR_IMPORT",
        mend=f"give the identity the role {IMPORT_ROLE} on both registries, or take them out of GATE_ACR_IMPORT:"
        " without it images go through the gate",
    ),
    SOFT_DELETE: Meaning(
        title="what is deleted can be recovered by nobody",
        mend="deleted is not erased: while soft delete is on, who may restore can bring back what was discarded or"
        " retired; switch it off on the registry where that must not be",
    ),
    APART: Meaning(
        title="an identity can do what its duty takes and no more",
        mend="give scanning, promoting, discarding and retiring an identity each, and ask for each by itself:"
        " `gate doctor --duty …`; repositories of one registry are kept apart by attribute-based access alone",
    ),
}
"""What is asked of identities that promote and discard. None of it says anything about a scan."""


def meaning_of(check: str) -> Meaning:
    """Return what a check means."""
    return CHECKS.get(check) or DUTY_CHECKS[check]


_SUBJECT = "{subject}"
_REFUSED = (
    "give the gate's identity the roles Security Reader on the subscription and Reader on the registry: Azure refuses"
    " to say whether this is in order"
)
_UNASKED = (
    "try again; if it stays, check that this machine reaches Resource Manager (`GATE_AZURE_ARM`, proxies) and that what"
    " answers is Azure"
)


class Check(Value):
    """How one check ended: about what, and what was seen."""

    id: str
    status: CheckStatus
    subject: str = ""
    detail: str = ""
    state: ScanState | None = None
    """What an image's report says because of it; None if it is in order."""

    @property
    def mend(self) -> str:
        """What to do; empty if nothing. What Azure refused to say, or could not, asks for something else than a no."""
        meaning = meaning_of(self.id)
        if self.status is CheckStatus.OK:
            return ""
        if self.status is CheckStatus.UNKNOWN and self.state is ScanState.SOURCE_ERROR and self.id != "sign-in":
            return _UNASKED
        if self.state is ScanState.NO_PERMISSION is not meaning.state:
            return _REFUSED
        return meaning.mend.replace(_SUBJECT, self.subject)


class Preflight(Value):
    """All checks of one run, and the hosts of the registries that they found."""

    checked_at: Instant
    checks: tuple[Check, ...]
    hosts: tuple[str, ...] = ()

    @property
    def obstacle(self) -> Check | None:
        """The first check for whose sake an empty answer means nothing; None if there is none."""
        order = list(CHECKS)
        red = [check for check in self.checks if check.state is not None]
        return min(red, key=lambda check: order.index(check.id), default=None)

    @property
    def green(self) -> bool:
        """Say whether every check that had to be made was made and held; no checks are none."""
        return bool(self.checks) and self.obstacle is None


class Preflights:
    """Keeps the last preflight of this process: a green one for as long as configuration says, a red one briefly."""

    def __init__(self, run: Callable[[datetime], Preflight], *, fresh: timedelta) -> None:
        """Run nothing yet."""
        self._run = run
        self._fresh = fresh
        self._kept: Preflight | None = None
        self._lock = threading.Lock()

    def at(self, now: datetime) -> Preflight:
        """Return a preflight that is fresh at `now`, running one if need be; never one from another time."""
        with self._lock:
            kept = self._kept
            if kept is None or not timedelta(0) <= now - kept.checked_at <= self._length(kept):
                self._kept = kept = self._run(now)
            return kept

    def _length(self, kept: Preflight) -> timedelta:
        return self._fresh if kept.green else self._fresh / 10
