"""Asks of each registry that policy names what the identity that is signed in may do there, for the duties it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.errors import GateError, NotFoundError, UnauthorizedUpstreamError
from gate.findings.defender.model import RowError
from gate.findings.defender.preflight import Check, CheckStatus
from gate.findings.defender.preflight_registry import ABAC, CLASSIC, allowances_of, granted, registry_of
from gate.findings.defender.retention import kept_by
from gate.findings.defender.rights import (
    APART,
    EXCESS,
    IMPORT,
    IMPORT_ACTION,
    NEEDS,
    REGISTRY,
    SOFT_DELETE,
    Duty,
    Part,
)
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gate.findings.defender.arm import Arm
    from gate.findings.defender.preflight_registry import Allowance, RegistryFacts
    from gate.findings.defender.rights import Right

_DETAIL_CHARACTERS = 300
_NO_ID = "no resource id of this registry is configured, so nobody can be asked what the identity may do there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked.

    Attributes:
        duties: those of the identity that is signed in.
        places: login servers of staging and release, a pair for each entry of policy; empty where none is a registry.
        unlock: policy has locks lifted before a discard.
        azure: login servers that are known to be Azure's: of these nothing may stay unasked.
        imports: login servers of those between which Azure is asked to bring images by itself.
    """

    duties: frozenset[Duty]
    places: tuple[tuple[str, str], ...]
    unlock: bool
    azure: frozenset[str]
    imports: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    id: str
    facts: RegistryFacts
    allowances: Sequence[Allowance]


def duty_checks(arm: Arm, registries: Collection[str], asked: Asked) -> Iterator[Check]:
    """Yield every check; raises nothing of Azure's making.

    Args:
        arm: asks as the identity that is signed in.
        registries: resource ids of the registries that configuration names.
        asked: the duties and places.
    """
    known: dict[str, _Known] = {}
    for registry in sorted(set(registries)):
        try:
            facts = registry_of(arm, registry)
            known[facts.host] = _Known(id=registry, facts=facts, allowances=allowances_of(arm, registry))
        except (GateError, RowError) as error:
            yield _unasked(registry, error)
    hosts = {part: {pair[number] for pair in asked.places} - {""} for number, part in enumerate(Part)}
    for host in sorted(set().union(*hosts.values()) - known.keys()):
        status = CheckStatus.UNKNOWN if host in asked.azure else CheckStatus.SKIPPED
        yield Check(id=REGISTRY, status=status, subject=host, detail=_NO_ID)
    for need in NEEDS.values():
        if need.duty not in asked.duties or (need.id == "discard-staging-lock" and not asked.unlock):
            continue
        for host in sorted(hosts[need.part] & known.keys()):
            yield _checked(need.id, host, need.right, known[host])
    yield from _imports(asked, known)
    yield from _kept(arm, asked.duties, hosts, known)
    yield from _apart(asked.duties, hosts, known)


def _checked(name: str, host: str, right: Right, known: _Known) -> Check:
    kind = known.facts.roles
    sure, perhaps = _may(right, known)
    status = CheckStatus.OK if sure else CheckStatus.WARN if perhaps else CheckStatus.FAILED
    action = right.abac if kind == ABAC else right.classic
    detail = "" if sure else f"roleAssignmentMode is `{kind}`; `{action}` is {perhaps or 'not allowed'}"
    return Check(id=name, status=status, subject=host, detail=detail[:_DETAIL_CHARACTERS])


def _may(right: Right, known: _Known) -> tuple[bool, str]:
    """Say whether a right is there for sure; and if not, what speaks for it all the same."""
    classic = granted(known.allowances, right.classic)
    abac = granted(known.allowances, right.abac, data=True)
    kind = known.facts.roles
    if kind not in {ABAC, CLASSIC}:
        both = classic == abac == "yes"
        return both, "" if both or not (
            classic or abac
        ) else "allowed by one kind of roles, and which one counts is untold"
    said = abac if kind == ABAC else classic
    return said == "yes", "allowed under a condition, which is not worked out here" if said == "perhaps" else ""


def _imports(asked: Asked, known: Mapping[str, _Known]) -> Iterator[Check]:
    """Ask for the role on both sides of every pair between which Azure is asked to bring images."""
    if Duty.PROMOTE not in asked.duties:
        return
    pairs = [pair for pair in asked.places if pair[0] != pair[1] and asked.imports.issuperset(pair)]
    for host in sorted({host for pair in pairs for host in pair} & known.keys()):
        said = granted(known[host].allowances, IMPORT_ACTION)
        status = {"yes": CheckStatus.OK, "perhaps": CheckStatus.WARN}.get(said, CheckStatus.FAILED)
        how = "allowed under a condition, which is not worked out here" if said else "not allowed"
        detail = "" if said == "yes" else f"`{IMPORT_ACTION}` is {how}"
        yield Check(id=IMPORT, status=status, subject=host, detail=detail)


def _kept(
    arm: Arm, duties: frozenset[Duty], hosts: Mapping[Part, set[str]], known: Mapping[str, _Known]
) -> Iterator[Check]:
    """Say of each registry in which the identity deletes what that leaves; what nobody can say is no reassurance."""
    deletes = {Duty.DISCARD: Part.STAGING, Duty.RETIRE: Part.RELEASE}
    asked = {host for duty, part in deletes.items() if duty in duties for host in hosts[part]}
    for host in sorted(asked & known.keys()):
        kept = kept_by(arm, known[host].id)
        match kept.state:
            case "off":
                yield Check(id=SOFT_DELETE, status=CheckStatus.OK, subject=host)
                continue
            case "on":
                detail = f"soft delete keeps what is deleted for {kept.days} days"
            case "unknown":
                detail = "the registry does not say whether soft delete is on"
        yield Check(id=SOFT_DELETE, status=CheckStatus.WARN, subject=host, detail=detail)


def _apart(duties: frozenset[Duty], hosts: Mapping[Part, set[str]], known: Mapping[str, _Known]) -> Iterator[Check]:
    """Warn of what an identity may do beyond its duties: one that is taken over should not be able to do all."""
    wanted = {(need.part, need.right) for need in NEEDS.values() if need.duty in duties}
    excess = dict.fromkeys(pair for duty in Duty if duty in duties for pair in EXCESS[duty] if pair not in wanted)
    held = [
        f"{right.verb} in the {part.value} place `{host}`"
        for part, right in excess
        for host in sorted(hosts[part] & known.keys())
        if any(_may(right, known[host]))
    ]
    if held:
        detail = f"it may also {', '.join(held)}"
        yield Check(id=APART, status=CheckStatus.WARN, detail=detail[:_DETAIL_CHARACTERS])
    elif len(duties) > 1:
        yield Check(
            id=APART, status=CheckStatus.WARN, detail=f"one identity has the duties {', '.join(sorted(duties))}"
        )
    elif any(hosts[part] & known.keys() for part in Part):
        yield Check(id=APART, status=CheckStatus.OK)


def _unasked(registry: str, error: Exception) -> Check:
    refused = isinstance(error, UnauthorizedUpstreamError | NotFoundError)
    detail = redact(f"{error.error_code}: {error.message}" if isinstance(error, GateError) else str(error))
    status = CheckStatus.FAILED if refused else CheckStatus.UNKNOWN
    return Check(id=REGISTRY, status=status, subject=registry, detail=detail[:_DETAIL_CHARACTERS])
