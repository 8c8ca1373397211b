"""Prove where an installed Python package came from: by the wheel that the index publishes, or by a grant's bytes.

1. What another package manager put there is its owner's matter.
2. A package with the bytes of a grant is that grant's.
3. One installed from an address, a repository or a path says so itself (PEP 610).
4. A private name is not asked of the index.
5. The index knows the project, the version and a wheel of it, or it doesn't.
6. METADATA and every row of RECORD equal those of one such wheel, or they don't.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from gate.errors import GateError
from gate.index.facts import is_hex_sha256
from gate.index.project import NoSuchProject
from gate.model.image import Proof, ProofLevel
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.redact import redact_url
from gate.origin.candidates import ordered
from gate.origin.trial import Trial
from gate.origin.verdict import contradicted, failed, unknown

if TYPE_CHECKING:
    from collections.abc import Container

    from gate.index.project import Project
    from gate.model.image import Component
    from gate.origin.desk import Desk
    from gate.origin.grants import GrantMatch
    from gate.origin.interface import InstalledFiles

_VCS = re.compile(r"(?:git|hg|svn|bzr)\+|git://|svn://", re.IGNORECASE)


def prove_python(
    component: Component,
    files: InstalledFiles,
    *,
    desk: Desk | None,
    granted: GrantMatch,
    claimed: Container[str] = (),
) -> Proof:
    """Return the proof of one Python package. Nothing of policy is asked: levels, places and ids are facts.

    Args:
        component: with the path of its `.dist-info`.
        files: of the image.
        desk: the index; None if none may be asked.
        granted: what `match_grants` said.
        claimed: paths in the image that records of components name.
    """
    owner = component.facts.get("owner", "")
    if owner:
        return unknown("owned", {"owner": owner})
    if component.kind is Kind.OTHER:
        # PEP 610's file is there and can't be read: it is not the index's, and no place is known.
        return _with_grants(contradicted("direct_url_unreadable", {}), granted)
    address = _address(component)
    if address is not None:
        return _with_grants(_contradicted_by(address, component), granted)
    if desk is None:
        return _with_grants(unknown("no_index"), granted)
    if desk.is_reserved(component.name):
        return _with_grants(unknown("reserved_name"), granted)
    return _with_grants(_asked(component, files, desk, claimed), granted)


def _address(component: Component) -> Origin | None:
    """Return the place that the package itself names, if it does (PEP 610), without credentials."""
    url = redact_url(component.direct_url)
    if component.kind is Kind.VCS or _VCS.match(url):
        return Origin(kind=OriginKind.VCS, location=url)
    if component.kind is Kind.LOCAL or url.startswith("file:"):
        return Origin(kind=OriginKind.PATH, location=url)
    if component.kind is Kind.URL or url:
        return Origin(kind=OriginKind.URL, location=url)
    return None


def _contradicted_by(address: Origin, component: Component) -> Proof:
    told = {"direct_url": address.location, "installer": component.facts.get("installer", "")}
    return contradicted("direct_url", told, origin=address)


def _with_grants(proof: Proof, granted: GrantMatch) -> Proof:
    """Add what comparing with grants told.

    What the index has published stays the index's, so that a lapsed grant takes nothing away from it; anything else
    with the bytes of a grant is proven to be that grant's, and has no other place that policy could allow.
    """
    evidence = proof.evidence | granted.evidence
    if not granted.ids or proof.level in {ProofLevel.PROVEN, ProofLevel.CONSISTENT}:
        return proof.model_copy(update={"evidence": evidence, "grants": granted.ids})
    return Proof(
        level=ProofLevel.PROVEN,
        code="grant_bytes_equal",
        origin=proof.origin,
        transient=proof.transient,
        grants=granted.ids,
        evidence=evidence | {"otherwise": proof.code},
    )


def _asked(component: Component, files: InstalledFiles, desk: Desk, claimed: Container[str]) -> Proof:
    if component.facts.get("format", "dist-info") != "dist-info":
        return unknown("legacy_install", {"format": component.facts["format"]})
    metadata = _metadata_sha256(component, files)
    if not metadata:
        return unknown("no_metadata")
    try:
        project = desk.project(component.name)
    except GateError as error:
        return failed(error, {"index": desk.name})
    if isinstance(project, NoSuchProject):
        return unknown("no_such_project", {"index": desk.name})
    wheels = [file for file in project.files_of(component.version) if file.is_wheel]
    if not wheels:
        return _without_wheel(component, project, desk)
    evidence = {"index": desk.name, "metadata_sha256": metadata} | desk.told | _status(project)
    proof = Trial(component, files, desk, metadata=metadata, claimed=claimed).run(ordered(component, wheels))
    return proof.model_copy(update={"evidence": evidence | proof.evidence})


def _metadata_sha256(component: Component, files: InstalledFiles) -> str:
    said = component.facts.get("metadata_sha256", "").removeprefix("sha256:")
    if is_hex_sha256(said):
        return said
    data = files.metadata(component)
    return hashlib.sha256(data).hexdigest() if data else ""


def _without_wheel(component: Component, project: Project, desk: Desk) -> Proof:
    others = project.files_of(component.version)
    code = "no_wheel" if others else "no_such_file"
    names = " ".join(file.filename for file in others[:10])
    return unknown(code, {"index": desk.name, "files": names} | _status(project))


def _status(project: Project) -> dict[str, str]:
    return {"project_status": project.status} if project.status else {}
