"""Compare what was declared, what it resolves to and what lies in an image: each difference is a typed result.

What the base image brought is not asked for, and what a declared package needs is not undeclared. A marker, version or
name that can't be told leads to no conclusion and is counted as unjudged.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from gate.model.drift import Difference, Drift, DriftAgainst, DriftKind
from gate.model.origin import Kind, Origin, OriginKind
from gate.origin.inside import copied, vendored
from gate.origin.os_drift import OsDrift
from gate.origin.requires import SEEDS, Needs, holds, machine_of, marker_environment
from gate.origin.versions import allows
from gate.policy.versions import same_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from gate.model.image import Component, Inventory
    from gate.model.reference import Declared, Reference
    from gate.model.resolution import Resolution, ResolvedPackage
    from gate.origin.interface import InstalledFiles

DIFFERENCES = 1000
"""Differences that are named; more are counted."""

_PYTHON = frozenset({Kind.PYPI, Kind.URL, Kind.VCS, Kind.LOCAL})


def find_drift(  # noqa: PLR0913 - what is compared, all but three named
    declared: Declared,
    inventory: Inventory,
    files: InstalledFiles,
    *,
    resolution: Resolution | None = None,
    channel_name: Callable[[str], str] = lambda _: "",
    rows: Mapping[int, AbstractSet[str]] | None = None,
) -> Drift:
    """Compare.

    Args:
        declared: what was read from the definitions.
        inventory: with proofs.
        files: of the same image.
        resolution: the closed set, if there is one; one that is not whole is not compared, for what is left out could
            ask for other versions of the rest.
        channel_name: how policy calls a conda channel, given by its name or address; nothing if it has no name for it.
        rows: by index of the component, the paths that its own record names: where copies of others are looked for.
    """
    comparison = _Comparison(inventory, files, channel_name)
    for reference in declared.references:
        comparison.declare(reference)
    if resolution is not None and _is_for(resolution, inventory) and not resolution.blocked:
        for package in resolution.packages:
            comparison.resolve(package)
    comparison.look_for_undeclared()
    system = OsDrift(declared, inventory, files)
    differences = [*comparison.differences, *system.differences, *copied(inventory)]
    differences += vendored(inventory.components, rows or {})
    found = sorted(_told_once(differences), key=lambda one: (one.kind is DriftKind.VENDORED, one.canonical()))
    return Drift(
        declared=comparison.declared,
        resolved=comparison.resolved,
        observed=len(comparison.observed) + system.observed,
        unjudged=comparison.unjudged + system.unjudged,
        differences=tuple(found[:DIFFERENCES]),
        total=len(found),
    )


def _told_once(differences: Sequence[Difference]) -> set[Difference]:
    """Leave out what a closed set adds to a difference of the same kind from the declaration itself."""
    declared = {(one.kind, one.component, one.name) for one in differences if one.against is DriftAgainst.DECLARED}
    return {
        one
        for one in differences
        if one.against is DriftAgainst.DECLARED or (one.kind, one.component, one.name) not in declared
    }


def _is_for(resolution: Resolution, inventory: Inventory) -> bool:
    """Say whether a set is for the image's architecture; one for another says nothing of it."""
    return resolution.platform.startswith(f"linux-{machine_of(inventory)}")


class _Comparison:
    """One image while references are held against it."""

    def __init__(self, inventory: Inventory, files: InstalledFiles, channel_name: Callable[[str], str]) -> None:
        self.declared = self.resolved = self.unjudged = 0
        self.differences: list[Difference] = []
        self._channel_name = channel_name
        self._environment = marker_environment(inventory)
        known = [one for one in inventory.components if one.kind is Kind.CONDA or one.is_python]
        self._named: dict[tuple[Kind, str], list[Component]] = defaultdict(list)
        for component in known:
            self._named[_kind(component), component.name].append(component)
        self._needs = Needs(known, files, self._environment)
        self._wanted: list[tuple[Kind, str, tuple[str, ...]]] = []
        self._aliases = {
            one.facts["owner"]: one.name for one in known if one.facts.get("owner", "").startswith("conda:")
        }
        self.observed = [one for one in known if _is_asked(one)]

    def declare(self, reference: Reference) -> None:
        """Hold one reference against the image."""
        kind = Kind.CONDA if reference.kind is Kind.CONDA else Kind.PYPI
        if reference.kind not in _PYTHON | {Kind.CONDA}:
            return
        name = reference.distribution or (reference.name if reference.kind in {Kind.PYPI, Kind.CONDA} else "")
        wanted = self._is_wanted(reference)
        if not name or reference.undetermined or wanted is None:
            self.unjudged += 1
        if not name or wanted is False:
            return
        name = name.lower() if kind is Kind.CONDA else canonicalize_name(name)
        self._wanted.append((kind, name, reference.extras))
        if reference.undetermined or wanted is None:
            return
        self.declared += 1
        where = f"{reference.file}:{reference.line}"
        found = self._installed(kind, name)
        if not found:
            self._note(
                DriftKind.MISSING, DriftAgainst.DECLARED, kind, name, wanted=reference.spec or "any", where=where
            )
        for component in found:
            self._hold(reference, kind, component, where)

    def resolve(self, package: ResolvedPackage) -> None:
        """Hold one package of the closed set against the image."""
        name = package.name.lower() if package.kind is Kind.CONDA else canonicalize_name(package.name)
        self._wanted.append((package.kind, name, ()))
        self.resolved += 1
        found = self._installed(package.kind, name)
        where = next(iter(package.declared), "") or f"for {', '.join(package.required_by[:3])}"
        if not found:
            self._note(
                DriftKind.MISSING, DriftAgainst.RESOLVED, package.kind, name, wanted=package.version, where=where
            )
        for component in found:
            if not same_version(component.version, package.version):
                self._note(
                    DriftKind.OTHER_VERSION,
                    DriftAgainst.RESOLVED,
                    package.kind,
                    name,
                    wanted=package.version,
                    found=component.version,
                    where=where,
                )
            self._hold_origin((package.origin,), DriftAgainst.RESOLVED, package.kind, component, where)

    def look_for_undeclared(self) -> None:
        """Note what nothing that was declared or resolved asks for."""
        explained = self._needs.explained(self._wanted)
        for component in self.observed:
            kind, name = _kind(component), component.name
            alias = self._aliases.get(f"conda:{name}", "") if kind is Kind.CONDA else ""
            names = {(kind, name), (Kind.PYPI, alias or name), (Kind.CONDA, name)}
            if names & explained or (name in SEEDS and kind is Kind.PYPI):
                continue
            self._note(
                DriftKind.UNDECLARED,
                DriftAgainst.DECLARED,
                kind,
                name,
                found=component.version,
                where=component.path,
            )

    def _is_wanted(self, reference: Reference) -> bool | None:
        if not reference.marker:
            return True
        try:
            return holds(Marker(reference.marker), self._environment)
        except InvalidMarker:
            return None

    def _installed(self, kind: Kind, name: str) -> list[Component]:
        """Return what has the name, on top of the base if anything does; else what the other package manager has."""
        other = Kind.CONDA if kind is Kind.PYPI else Kind.PYPI
        found = self._named.get((kind, name)) or self._named.get((other, name)) or []
        above = [one for one in found if not one.in_base and not _is_vendored(one)]
        return above or [one for one in found if one.in_base]

    def _hold(self, reference: Reference, kind: Kind, component: Component, where: str) -> None:
        allowed = allows(reference.spec, component.version, kind) if reference.kind in {Kind.PYPI, Kind.CONDA} else True
        if allowed is None:
            self.unjudged += 1
        elif not allowed:
            self._note(
                DriftKind.OTHER_VERSION,
                DriftAgainst.DECLARED,
                kind,
                component.name,
                wanted=reference.spec,
                found=component.version,
                where=where,
            )
        self._hold_origin(reference.origins, DriftAgainst.DECLARED, kind, component, where)

    def _hold_origin(
        self, wanted: Sequence[Origin], against: DriftAgainst, kind: Kind, component: Component, where: str
    ) -> None:
        """Note if a component is from none of the places; nothing can be said of the base's, or of no place."""
        origin = self._origin_of(component)
        if origin is None or component.in_base or not wanted:
            return
        if not any(self._is_same(one, origin) for one in wanted):
            self._note(
                DriftKind.OTHER_ORIGIN,
                against,
                kind,
                component.name,
                wanted=" ".join(one.location for one in wanted),
                found=origin.location,
                where=where,
            )

    def _origin_of(self, component: Component) -> Origin | None:
        """Return where a component is from; one that conda owns is from its owner's channel."""
        owner = component.facts.get("owner", "").removeprefix("conda:")
        owned = self._named.get((Kind.CONDA, owner), []) if owner != component.facts.get("owner", "") else []
        proofs = [one.proof for one in owned] or [component.proof]
        return next((proof.origin for proof in proofs if proof is not None and proof.origin is not None), None)

    def _is_same(self, wanted: Origin, found: Origin) -> bool:
        """Say whether two places are one; all Python indexes are, for only one is asked and its name is policy's."""
        if wanted.kind is not found.kind:
            return False
        if wanted.kind is OriginKind.CONDA_CHANNEL:
            names = {self._channel_name(one) or one for one in (wanted.location, found.location)}
            return len(names) == 1
        return wanted.kind is OriginKind.PYTHON_INDEX or wanted.location == found.location

    def _note(  # noqa: PLR0913 - the parts of a difference
        self,
        kind: DriftKind,
        against: DriftAgainst,
        component: Kind,
        name: str,
        *,
        wanted: str = "",
        found: str = "",
        where: str = "",
    ) -> None:
        self.differences.append(
            Difference(
                kind=kind,
                against=against,
                component=component,
                name=name,
                wanted=wanted[:300],
                found=found[:300],
                where=where[:300],
            )
        )


def _kind(component: Component) -> Kind:
    return Kind.CONDA if component.kind is Kind.CONDA else Kind.PYPI


def _is_vendored(component: Component) -> bool:
    return component.proof is not None and component.proof.code == "vendored"


def _is_asked(component: Component) -> bool:
    """Say whether somebody should have declared it: not the base's, not a part of another package, not a cache."""
    aside = component.in_base or _is_vendored(component) or component.facts.get("cached") == "true"
    return not aside and not component.facts.get("owner", "")
