"""Runs the preflight against Azure: asks for what can't be missing, and turns each answer into a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import GateError, NotFoundError, UnauthorizedUpstreamError
from gate.findings.defender import queries
from gate.findings.defender.model import Fields, RowError
from gate.findings.defender.preflight import CHECKS, Check, CheckStatus, Preflight
from gate.findings.defender.preflight_registry import registry_checks, registry_of
from gate.model.finding import ScanState
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from gate.cloud import AzureConfig, RegistryId
    from gate.findings.defender.arm import Arm
    from gate.findings.defender.graph import Graph, Row
    from gate.findings.defender.identity import Identity
    from gate.findings.defender.sdk import SecurityCenterPages

SUBSCRIPTION_API, PROVIDER_API = "2022-12-01", "2021-04-01"
SCANS, ARTIFACTS = "ContainerRegistriesVulnerabilityAssessments", "ContainerIntegrityContribution"
PLANS = ("Containers", "CloudPosture")
"""Either plan scans registries; only the first attaches signed findings."""
_DETAIL_CHARACTERS = 300


class PreflightRun:
    """Makes every check anew, each time that it is called."""

    def __init__(
        self, *, config: AzureConfig, identity: Identity, arm: Arm, graph: Graph, pages: SecurityCenterPages
    ) -> None:
        """Take the clients."""
        self._config = config
        self._identity = identity
        self._arm = arm
        self._graph = graph
        self._pages = pages

    def __call__(self, now: datetime) -> Preflight:
        """Return all checks. Raises nothing of Azure's making: what can't be asked is a check that says so."""
        signed_in = list(_asked("sign-in", self._identity.kind, self._sign_in))
        if any(check.state is not None for check in signed_in):
            skipped = [_check(name, CheckStatus.SKIPPED, "", "the gate is not signed in") for name in self._names()]
            return Preflight(checked_at=now, checks=(*signed_in, *skipped))
        checks, hosts = [*signed_in], []
        for subscription in self._config.subscriptions:
            checks += self._subscription(subscription)
        checks += _asked("registry-visible", "", self._registries_visible)
        checks += _asked("rows-visible", "", self._rows_visible)
        for registry in self._config.registries:
            found, host = self._registry(registry)
            checks += found
            hosts.append(host)
        if self._config.canary:
            checks += _asked("canary", self._config.canary, self._canary)
        return Preflight(checked_at=now, checks=tuple(checks), hosts=tuple(host for host in hosts if host))

    def sign_in(self, now: datetime) -> Preflight:
        """Return whether the identity gets a token, and nothing else: for identities that scan nothing."""
        return Preflight(checked_at=now, checks=tuple(_asked("sign-in", self._identity.kind, self._sign_in)))

    def _names(self) -> list[str]:
        left_out = {"sign-in", "configured"} | (set() if self._config.canary else {"canary"})
        return [name for name in CHECKS if name not in left_out]

    def _sign_in(self) -> Iterator[Check]:
        self._identity.token()
        yield _check("sign-in", CheckStatus.OK, self._identity.kind)

    def _subscription(self, subscription: str) -> Iterator[Check]:
        yield from _asked("tenant", subscription, lambda: self._tenant(subscription))
        yield from _asked("provider", subscription, lambda: self._provider(subscription))
        yield from _asked("plan", subscription, lambda: self._plan(subscription))

    def _tenant(self, subscription: str) -> Iterator[Check]:
        found = Fields(self._arm.get(f"subscriptions/{subscription}", SUBSCRIPTION_API), "subscription")
        tenant, state = found.needed("tenantId").lower(), found.text("state")
        if tenant != self._config.tenant:
            yield _check("tenant", CheckStatus.FAILED, subscription, f"it belongs to the tenant {tenant}")
        elif state != "Enabled":
            yield _check("tenant", CheckStatus.FAILED, subscription, f"the subscription is `{state}`")
        else:
            yield _check("tenant", CheckStatus.OK, subscription)

    def _provider(self, subscription: str) -> Iterator[Check]:
        path = f"subscriptions/{subscription}/providers/Microsoft.Security"
        state = Fields(self._arm.get(path, PROVIDER_API), "provider").text("registrationState")
        status = CheckStatus.OK if state == "Registered" else CheckStatus.FAILED
        yield _check("provider", status, subscription, f"registrationState is `{state}`")

    def _plan(self, subscription: str) -> Iterator[Check]:
        scans, details, artifacts = False, [], False
        for plan in PLANS:
            tier, extensions = _plan_of(self._pages.pricing(subscription, plan))
            on = tier == "Standard" and extensions.get(SCANS) == "True"
            scans = scans or on
            artifacts = artifacts or (on and extensions.get(ARTIFACTS) == "True")
            details.append(f"{plan}: {tier}, {SCANS}: {extensions.get(SCANS, 'absent')}")
        yield _check("plan", CheckStatus.OK if scans else CheckStatus.FAILED, subscription, "; ".join(details))
        status = CheckStatus.OK if artifacts else CheckStatus.WARN
        yield _check("artifacts", status, subscription, "" if artifacts else f"{ARTIFACTS} is not `True`")

    def _registries_visible(self) -> Iterator[Check]:
        rows = self._rows(queries.registries(self._config.registries), "id")
        seen = {str(row.get("id", "")).lower() for row in rows}
        for registry in self._config.registries:
            shown = registry.id.lower() in seen
            detail = (
                "" if shown else f"{len(seen)} of {len(self._config.registries)} registries are shown, and this is none"
            )
            yield _check("registry-visible", CheckStatus.OK if shown else CheckStatus.FAILED, registry.id, detail)

    def _rows_visible(self) -> Iterator[Check]:
        rows = self._rows(queries.counts_by_subscription(), "subscriptionId")
        counts = {str(row.get("subscriptionId", "")).lower(): row.get("rows") for row in rows}
        for subscription in self._config.subscriptions:
            count = counts.get(subscription)
            seen = isinstance(count, int) and count > 0
            yield _check(
                "rows-visible", CheckStatus.OK if seen else CheckStatus.FAILED, subscription, f"{count or 0} rows"
            )

    def _registry(self, registry: RegistryId) -> tuple[list[Check], str]:
        try:
            facts = registry_of(self._arm, registry.id)
        except (GateError, RowError) as error:
            return [_failure("registry-visible", registry.id, error)], ""
        asked = registry_checks(self._arm, registry.id, facts)
        checks = [check for name, ask in asked.items() for check in _asked(name, registry.id, ask)]
        return checks, facts.host

    def _canary(self) -> Iterator[Check]:
        rows = self._rows(queries.about_digest(self._config.canary), "id")
        status = CheckStatus.OK if rows else CheckStatus.FAILED
        yield _check("canary", status, self._config.canary, f"{len(rows)} rows")

    def _rows(self, query: str, key: str) -> list[Row]:
        return [row for page in self._graph.rows(query, self._config.subscriptions, key=key) for row in page]


def _plan_of(answer: object) -> tuple[str, dict[str, str]]:
    properties = Fields(answer, "pricing").inner("properties")
    extensions = properties.items("extensions")
    return properties.needed("pricingTier"), {one.needed("name"): one.text("isEnabled") for one in extensions}


def _asked(name: str, subject: str, ask: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield what a check says; one that can't be asked says so and is never left out."""
    try:
        yield from list(ask())
    except (GateError, RowError) as error:
        yield _failure(name, subject, error)


def _failure(name: str, subject: str, error: Exception) -> Check:
    refused = isinstance(error, UnauthorizedUpstreamError | NotFoundError)
    detail = redact(f"{error.error_code}: {error.message}" if isinstance(error, GateError) else str(error))
    return Check(
        id=name,
        status=CheckStatus.FAILED if refused else CheckStatus.UNKNOWN,
        subject=subject,
        detail=detail[:_DETAIL_CHARACTERS],
        state=ScanState.NO_PERMISSION if refused else ScanState.SOURCE_ERROR,
    )


def _check(name: str, status: CheckStatus, subject: str, detail: str = "") -> Check:
    red = status not in {CheckStatus.OK, CheckStatus.WARN}
    return Check(id=name, status=status, subject=subject, detail=detail, state=CHECKS[name].state if red else None)
