"""Which grants an installed package has the bytes of. The bytes decide; a name alone is nothing."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from gate.origin.compare import compare

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from gate.index.facts import WheelFacts
    from gate.model.exception import Grant, GrantedFile
    from gate.model.image import Component
    from gate.origin.interface import InstalledFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantMatch:
    """What comparing with the grants came to.

    Attributes:
        ids: of the grants whose bytes these are, sorted; dates and scope were not asked.
        evidence: the granted wheels (`grant_wheel`), and by ids which grants of the same name and version have other
            bytes (`grant_bytes_differ`) or can't be compared (`grant_unreadable`).
    """

    ids: tuple[str, ...] = ()
    evidence: dict[str, str] = field(default_factory=dict)


def match_grants(
    component: Component,
    files: InstalledFiles,
    grants: Iterable[Grant],
    wheels: Mapping[str, WheelFacts],
    claimed: Container[str] = (),
) -> GrantMatch:
    """Compare an installed package with the wheels that grants name.

    Args:
        component: a Python package with its `.dist-info`.
        files: of the image.
        grants: all there are; nothing is read of one but its id and its files.
        wheels: facts of the stored wheels by `sha256:…` of the whole file, from `wheel_facts_of`.
        claimed: paths in the image that records of components name.
    """
    found: dict[str, set[str]] = {"grant_wheel": set(), "grant_bytes_differ": set(), "grant_unreadable": set()}
    ids = set()
    for grant in grants:
        granted = [_granted(file, wheels) for file in grant.files]
        equal = [facts for facts in granted if facts and _has_bytes_of(component, files, facts, claimed)]
        if equal:
            ids.add(grant.id)
            found["grant_wheel"].update(facts.sha256 for facts in equal)
        elif _names(grant, component):
            found["grant_bytes_differ" if any(granted) else "grant_unreadable"].add(grant.id)
    evidence = {key: " ".join(sorted(values)) for key, values in found.items() if values}
    return GrantMatch(ids=tuple(sorted(ids)), evidence=evidence)


def _granted(file: GrantedFile, wheels: Mapping[str, WheelFacts]) -> WheelFacts | None:
    """Return the facts of a granted file, if they are of those very bytes and its RECORD was held against them."""
    facts = wheels.get(file.sha256)
    sound = facts is not None and facts.sha256 == file.sha256 and facts.verified and facts.checked
    return facts if sound else None


def _has_bytes_of(component: Component, files: InstalledFiles, facts: WheelFacts, claimed: Container[str]) -> bool:
    # Cheap first: a wheel of another project or version has another folder, and its RECORD says so.
    same_folder = posixpath.basename(component.path) == facts.dist_info
    return same_folder and compare(component, files, facts, claimed).equal


def _names(grant: Grant, component: Component) -> bool:
    return (canonicalize_name(grant.name), grant.version) == (canonicalize_name(component.name), component.version)
