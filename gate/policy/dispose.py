"""Give every reference and every component exactly one disposition, from its origins, the safelist and the grants.

Pure. What can't be told is undetermined, which blocks; a grant lifts only what is not safelisted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gate.model.decision import Disposed
from gate.model.image import Component, ProofLevel
from gate.model.origin import CONDA_DEFAULTS, Disposition, Kind, Origin, OriginKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gate.model.exception import Grant
    from gate.model.image import Proof
    from gate.model.reference import Reference
    from gate.policy.schema import Policy, Safelist

_RANK = {ProofLevel.UNKNOWN: 0, ProofLevel.CONTRADICTED: 0, ProofLevel.CONSISTENT: 1, ProofLevel.PROVEN: 2}


class GrantState(StrEnum):
    """What became of a grant that names the thing at hand."""

    IN_FORCE = "in_force"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    OTHER_SCOPE = "other_scope"
    OTHER_BYTES = "other_bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When and where a grant is asked for: the decision's one instant, and the place where the image waits."""

    now: datetime
    repository: str


def grant_state(grant: Grant, bounds: Bounds) -> GrantState:
    """Say whether a grant holds here and now. The end is exclusive: at `expires` it holds no more."""
    if bounds.repository and not grant.scope.covers(bounds.repository):
        return GrantState.OTHER_SCOPE
    if bounds.now < grant.not_before:
        return GrantState.NOT_YET
    if bounds.now >= grant.expires:
        return GrantState.EXPIRED
    return GrantState.IN_FORCE


def _of_origins(grants: Sequence[Grant]) -> tuple[Grant, ...]:
    """Leave waivers out: what is said of a vulnerability says nothing of where a thing is from."""
    return tuple(grant for grant in grants if grant.waives is None)


def origin_allowed(origin: Origin, safelist: Safelist) -> bool:
    """Say whether anyone may use the place. Kinds that have no list are never allowed."""
    match origin.kind:
        case OriginKind.PYTHON_INDEX:
            return any(
                origin.location in {index.name, index.url} for index in safelist.python_indexes if origin.location
            )
        case OriginKind.CONDA_CHANNEL:
            location = origin.location.rstrip("/")
            return any(location == channel.name or location in channel.urls for channel in safelist.conda_channels)
        case OriginKind.IMAGE_REGISTRY:
            return any(
                _under(origin.location, f"{host}/{entry.path}".rstrip("/"))
                for entry in safelist.image_registries
                for host in (entry.host, *entry.mirrors)
            ) or _azureml(origin.location, safelist)
        case OriginKind.OS_ARCHIVE:
            return any(origin.location == archive.name for archive in safelist.os_archives)
        case OriginKind.BASE_IMAGE:
            return any(origin.location == base.reference for base in safelist.base_images)
        case OriginKind.URL | OriginKind.VCS | OriginKind.PATH | OriginKind.UNKNOWN:
            return False


def _azureml(location: str, safelist: Safelist) -> bool:
    name = location.removeprefix("azureml://registries/").split("/")[0]
    return location.startswith("azureml://registries/") and name in safelist.azureml_registries


def _under(location: str, prefix: str) -> bool:
    """Say whether a name lies below a prefix, by whole segments; one that climbs or skips has no single reading."""
    plain = not {"", ".", ".."} & set(location.split("/"))
    return plain and (location == prefix or location.startswith(prefix + "/"))


def dispose_reference(
    reference: Reference, policy: Policy, grants: Sequence[Grant], now: datetime, repository: str = ""
) -> Disposed:
    """Dispose of one declared reference.

    Args:
        reference: as a reader declared it.
        policy: the safelist is all that is read of it.
        grants: standing and stored ones, in force or not.
        now: the decision's instant.
        repository: where the image waits; empty for a check without an image, where scope is not asked.

    Returns:
        `safelisted` only if every origin is; `granted` only by a grant in force that names this very reference.
    """
    bounds = Bounds(now=now, repository=repository)
    disposition, code, grant = _reference(reference, policy, _of_origins(grants), bounds)
    disposed = Disposed(
        kind=reference.kind,
        name=reference.name,
        version=reference.spec,
        where=f"{reference.file}:{reference.line}",
        disposition=disposition,
        code=code,
        grant=grant,
    )
    return _named(disposed, repository)


def _reference(
    reference: Reference, policy: Policy, grants: Sequence[Grant], bounds: Bounds
) -> tuple[Disposition, str, str]:
    disposition, code = _by_origins(reference, policy.safelist)
    if disposition is Disposition.SAFELISTED:
        return disposition, code, ""
    for grant in grants:
        if _names(grant, reference) and grant_state(grant, bounds) is GrantState.IN_FORCE:
            return Disposition.GRANTED, "granted", grant.id
    return disposition, code, ""


def _by_origins(reference: Reference, safelist: Safelist) -> tuple[Disposition, str]:
    if reference.undetermined:
        return Disposition.UNDETERMINED, reference.undetermined
    if not reference.origins:
        return Disposition.UNDETERMINED, "no_origin"
    refused = [origin for origin in reference.origins if not origin_allowed(_placed(reference, origin), safelist)]
    if refused:
        return Disposition.BLOCKED, _refusal(reference, refused)
    return Disposition.SAFELISTED, "safelisted"


def _placed(reference: Reference, origin: Origin) -> Origin:
    """Return where an image lies by its whole name: policy may list a part of a registry, or a mirror's folder."""
    below = reference.name.startswith(f"{origin.location}/")
    if reference.kind is Kind.IMAGE and origin.kind is OriginKind.IMAGE_REGISTRY and below:
        return origin.model_copy(update={"location": reference.name})
    return origin


def _refusal(reference: Reference, refused: Sequence[Origin]) -> str:
    if reference.kind is Kind.CONDA and any(origin.location == CONDA_DEFAULTS for origin in refused):
        return "channel_licence"
    if len(reference.origins) > len(refused):
        return "mixed_origins"
    return f"origin_{refused[0].kind.value}"


def _names(grant: Grant, reference: Reference) -> bool:
    """Say whether the grant names this reference: by its address, or by an exact pin of the package."""
    if reference.name in grant.references:
        return True
    name = reference.distribution or (reference.name if reference.kind in {Kind.PYPI, Kind.CONDA} else "")
    if grant.kind is not reference.kind and not (grant.kind is Kind.PYPI and reference.distribution):
        return False
    granted = {file.sha256 for file in grant.files}
    if reference.hashes:
        return name == grant.name and set(reference.hashes) <= granted
    return name == grant.name and reference.spec.replace(" ", "") in {f"=={grant.version}", f"==={grant.version}"}


def dispose_components(
    components: Sequence[Component], policy: Policy, grants: Sequence[Grant], bounds: Bounds
) -> tuple[Disposed, ...]:
    """Dispose of everything found in the image, from the proofs of origin: one entry a component, same order.

    A grant counts only if the bytes are the grant's (`Proof.grants`). What a conda or OS package owns shares that
    package's disposition; an owner that was not found decides nothing.
    """
    grants = _of_origins(grants)
    verdicts: dict[str, tuple[Disposition, str, str]] = {}
    for component in components:
        if not _owner(component):
            verdict = _component(component, policy, grants, bounds)
            verdicts[f"{component.kind.value}:{component.name}"] = min(
                verdict, verdicts.get(f"{component.kind.value}:{component.name}", verdict), key=_trust
            )
    disposed = []
    for component in components:
        owner = _owner(component)
        missing = (Disposition.UNDETERMINED, "owner_missing", "")
        verdict = verdicts.get(owner, missing) if owner else _component(component, policy, grants, bounds)
        disposed.append(_disposed(component, verdict, bounds))
    return tuple(disposed)


def _trust(verdict: tuple[Disposition, str, str]) -> int:
    """Order verdicts, the least trusted first: two packages of one name share the worse."""
    order = (Disposition.BLOCKED, Disposition.UNDETERMINED, Disposition.GRANTED, Disposition.SAFELISTED)
    return order.index(verdict[0])


def _owner(component: Component) -> str:
    """Return `conda:name` or `os:name` for what another package put there, else nothing."""
    if component.proof is None or component.proof.code != "owned":
        return ""
    kind, _, name = component.proof.evidence.get("owner", "").partition(":")
    return f"{'os' if kind in {'dpkg', 'rpm'} else kind}:{name}"


def _disposed(component: Component, verdict: tuple[Disposition, str, str], bounds: Bounds) -> Disposed:
    disposition, code, grant = verdict
    disposed = Disposed(
        kind=component.kind,
        name=component.name,
        version=component.version,
        where=component.path,
        disposition=disposition,
        code=code,
        grant=grant,
    )
    return _named(disposed, bounds.repository)


def _component(
    component: Component, policy: Policy, grants: Sequence[Grant], bounds: Bounds
) -> tuple[Disposition, str, str]:
    proof = component.proof
    if proof is None:
        return Disposition.UNDETERMINED, "not_proved", ""
    by_id = {grant.id: grant for grant in grants}
    for name in proof.grants:
        if name in by_id and grant_state(by_id[name], bounds) is GrantState.IN_FORCE:
            return Disposition.GRANTED, "granted", name
    if proof.level is ProofLevel.CONTRADICTED:
        return Disposition.BLOCKED, "channel_licence" if _is_defaults(component, proof.origin) else proof.code, ""
    if proof.level is ProofLevel.UNKNOWN or proof.origin is None:
        return Disposition.UNDETERMINED, proof.code, ""
    return _by_origin(component, proof, proof.origin, policy)


def _by_origin(component: Component, proof: Proof, origin: Origin, policy: Policy) -> tuple[Disposition, str, str]:
    if not origin_allowed(origin, policy.safelist):
        licence = _is_defaults(component, origin)
        return Disposition.BLOCKED, "channel_licence" if licence else f"origin_{origin.kind.value}", ""
    if proof.transient:
        # Part of it could not be looked at: what was seen may be what somebody wants to be seen.
        return Disposition.UNDETERMINED, "unreachable", ""
    if _RANK[proof.level] < _RANK[_demanded(component.kind, policy)]:
        return Disposition.UNDETERMINED, "proof_too_weak", ""
    return Disposition.SAFELISTED, proof.code, ""


def _is_defaults(component: Component, origin: Origin | None) -> bool:
    """Say whether a conda package is from Anaconda's own channels: that is a matter of licence, whatever its bytes."""
    return component.kind is Kind.CONDA and origin is not None and origin.location == CONDA_DEFAULTS


def _demanded(kind: Kind, policy: Policy) -> ProofLevel:
    match kind:
        case Kind.PYPI:
            return policy.decision.proof.pypi
        case Kind.CONDA:
            return policy.decision.proof.conda
        case _:
            return ProofLevel.CONSISTENT


def _named(disposed: Disposed, repository: str) -> Disposed:
    """Name the exception request that would lift it, if it blocks and there is a place to ask for."""
    if disposed.disposition not in {Disposition.BLOCKED, Disposition.UNDETERMINED} or not repository:
        return disposed
    return disposed.model_copy(update={"request": disposed.subject(repository).request_id()})
