"""One registry as Resource Manager describes it: whether Defender reaches it, and what the gate's identity may do.

Sources: Microsoft's REST references for registries and for permissions, and the pages on attribute-based access
(`roleAssignmentMode`, under which AcrPull counts for nothing) and on trusted services.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.errors import UpstreamError
from gate.findings.defender.model import Fields
from gate.findings.defender.preflight import CHECKS, Check, CheckStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gate.findings.defender.arm import Arm

REGISTRY_APIS = ("2025-04-01", "2023-07-01")
"""The first tells the kind of roles; a cloud that does not know it yet is asked by the second."""
PERMISSIONS_API = "2022-04-01"
ABAC, CLASSIC = "AbacRepositoryPermissions", "LegacyRegistryPermissions"
ASSESSMENTS = "Microsoft.Security/assessments/read"
PULL = "Microsoft.ContainerRegistry/registries/pull/read"
CONTENT = "Microsoft.ContainerRegistry/registries/repositories/content/read"
_BAD_REQUEST = "400"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryFacts:
    """What a registry says of itself; `roles` is empty where it does not tell which kind of roles it honours."""

    host: str
    roles: str
    quarantine: str
    public: str
    default_action: str
    bypass: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One entry of what an identity may do: patterns with `*`, what is taken out of them, and the same for data."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    data_actions: tuple[str, ...]
    not_data_actions: tuple[str, ...]
    condition: str = ""
    """An expression that narrows it to some repositories; it is not worked out here."""


def registry_of(arm: Arm, registry: str) -> RegistryFacts:
    """Read a registry.

    Raises:
        GateError: it can't be asked.
        RowError: it says something that can't be read.
    """
    try:
        answer = arm.get(registry, REGISTRY_APIS[0])
    except UpstreamError as error:
        if error.facts.get("status") != _BAD_REQUEST:
            raise
        answer = arm.get(registry, REGISTRY_APIS[1])
    properties = Fields(answer, "registry").inner("properties")
    return RegistryFacts(
        host=properties.needed("loginServer").lower(),
        roles=properties.text("roleAssignmentMode"),
        quarantine=properties.optional("policies").optional("quarantinePolicy").text("status"),
        public=properties.text("publicNetworkAccess"),
        default_action=properties.optional("networkRuleSet").text("defaultAction"),
        bypass=properties.text("networkRuleBypassOptions"),
    )


def registry_checks(arm: Arm, registry: str, facts: RegistryFacts) -> dict[str, Callable[[], Iterator[Check]]]:
    """Return the checks of one registry by name, each to be asked."""
    return {
        "security-reader": lambda: _may_read_assessments(arm, registry),
        "registry-reader": lambda: _may_pull(arm, registry, facts),
        "quarantine": lambda: _quarantine(registry, facts),
        "network": lambda: _network(registry, facts),
    }


def _may_read_assessments(arm: Arm, registry: str) -> Iterator[Check]:
    yield _said(
        "security-reader", registry, good=_allows(allowances_of(arm, registry), ASSESSMENTS), detail=ASSESSMENTS
    )


def _may_pull(arm: Arm, registry: str, facts: RegistryFacts) -> Iterator[Check]:
    allowances = allowances_of(arm, registry)
    classic, abac = _allows(allowances, PULL), _allows(allowances, CONTENT, data=True)
    # A registry that does not say which kind it honours may honour either: both are needed to be sure.
    good = {ABAC: abac, CLASSIC: classic}.get(facts.roles, classic and abac)
    detail = f"roleAssignmentMode is `{facts.roles}`; classic: {_yes(classic)}, attribute-based: {_yes(abac)}"
    if not good and not facts.roles and (classic or abac):
        yield Check(id="registry-reader", status=CheckStatus.WARN, subject=registry, detail=detail)
        return
    yield _said("registry-reader", registry, good=good, detail=detail)


def _quarantine(registry: str, facts: RegistryFacts) -> Iterator[Check]:
    good = facts.quarantine.lower() in {"disabled", ""}
    yield _said("quarantine", registry, good=good, detail=f"quarantinePolicy is `{facts.quarantine}`")


def _network(registry: str, facts: RegistryFacts) -> Iterator[Check]:
    opened = facts.public.lower() == "enabled" and facts.default_action.lower() in {"allow", ""}
    detail = (
        f"publicNetworkAccess `{facts.public}`, defaultAction `{facts.default_action}`,"
        f" networkRuleBypassOptions `{facts.bypass}`"
    )
    yield _said("network", registry, good=opened or facts.bypass.lower() == "azureservices", detail=detail)


def _said(name: str, subject: str, *, good: bool, detail: str) -> Check:
    status = CheckStatus.OK if good else CheckStatus.FAILED
    return Check(id=name, status=status, subject=subject, detail=detail, state=None if good else CHECKS[name].state)


def allowances_of(arm: Arm, registry: str) -> list[Allowance]:
    """Return all that the identity that asks may do in a registry.

    Raises:
        GateError: it can't be asked.
        RowError: it says something that can't be read.
    """
    path = f"{registry}/providers/Microsoft.Authorization/permissions"
    entries = [entry for page in arm.pages(path, PERMISSIONS_API) for entry in page]
    return [_allowance(Fields(entry, f"permissions[{place}]")) for place, entry in enumerate(entries)]


def _allowance(entry: Fields) -> Allowance:
    return Allowance(
        actions=entry.texts("actions"),
        not_actions=entry.texts("notActions"),
        data_actions=entry.texts("dataActions"),
        not_data_actions=entry.texts("notDataActions"),
        condition=entry.text("condition"),
    )


def granted(allowances: Sequence[Allowance], action: str, *, data: bool = False) -> str:
    """Return `yes`, `perhaps` where only entries with a condition allow the action, or nothing."""
    if _allows([one for one in allowances if not one.condition], action, data=data):
        return "yes"
    return "perhaps" if _allows(allowances, action, data=data) else ""


def _allows(allowances: Sequence[Allowance], action: str, *, data: bool = False) -> bool:
    """Say whether any one entry allows the action and does not take it out again."""
    return any(
        _matches(one.data_actions if data else one.actions, action)
        and not _matches(one.not_data_actions if data else one.not_actions, action)
        for one in allowances
    )


def _matches(patterns: Sequence[str], action: str) -> bool:
    escaped = (pattern.lower().replace("[", "[[]").replace("?", "[?]") for pattern in patterns)
    return any(fnmatch.fnmatchcase(action.lower(), pattern) for pattern in escaped)


def _yes(value: bool) -> str:  # noqa: FBT001 - it has no other parameter
    return "yes" if value else "no"
