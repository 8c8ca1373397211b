"""What is inside an image as a CycloneDX 1.6 bill of materials: same inventory, same bytes.

Sources: CycloneDX 1.6 (ECMA-424), package-url's type definitions (pypi, conda, deb, rpm, apk, oci, generic).
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as Part
from cyclonedx.model.component import ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.schema.schema import SchemaVersion1Dot6
from cyclonedx.spdx import is_expression, is_supported_id
from packageurl import PackageURL

from gate import __version__
from gate.model.origin import Kind
from gate.model.quiet import quiet_json
from gate.model.reference import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclonedx.model.license import License

    from gate.model.image import Component, ImageFacts, Inventory

NAMESPACE = uuid.UUID("2b1d2a5e-6f0c-5c52-9c65-0d9a6d3a4b11")
"""The space of the serial numbers: one for each inventory, made from its digest."""

NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands where the image does not say when it was made: the bill has no time of its own, or no two were equal."""

_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_SHA256, _MD5 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{32}")
_HASHES = (
    ("sha256", _SHA256, HashAlgorithm.SHA_256),
    ("archive_sha256", _SHA256, HashAlgorithm.SHA_256),
    ("md5", _MD5, HashAlgorithm.MD5),
)
_OS = {"rpm": "rpm", "apk": "apk"}


def sbom(inventory: Inventory) -> str:
    """Return the bill as JSON text.

    Its serial number is made from the inventory's digest and its time is the image's own, as the image claims it. Each
    component has the properties `gate:kind`, `gate:path`, `gate:layer`, `gate:base`, `gate:origin` and `gate:proof`
    (`not_looked_up` where nobody asked). Hashes are those of a distribution's archive, where it is known.
    """
    root = _root(inventory)
    parts = [_part(number, component) for number, component in enumerate(inventory.components)]
    bom = Bom(
        serial_number=uuid.uuid5(NAMESPACE, inventory.fingerprint()),
        metadata=BomMetaData(
            component=root,
            timestamp=_time(inventory.image),
            tools=ToolRepository(components=[Part(name="gate", version=__version__, type=ComponentType.APPLICATION)]),
        ),
        components=parts,
    )
    # Not `register_dependency`, nor the library's own output, which calls it for each component: both look through all
    # components for each, which took minutes for a few thousand. References are unique here, so nothing is lost.
    bom.dependencies = [Dependency(ref=root.bom_ref, dependencies=[Dependency(ref=part.bom_ref) for part in parts])]
    written: str = bom.as_json(view_=SchemaVersion1Dot6)  # type: ignore[attr-defined] # made by a decorator
    document = {"$schema": _SCHEMA, "bomFormat": "CycloneDX", "specVersion": "1.6", **json.loads(written)}
    return quiet_json(json.dumps(document, indent=2)) + "\n"


def purl_of(component: Component) -> PackageURL | None:
    """Return the package URL; nothing where no type says what the thing is.

    What was not installed from an index is `generic`: a `pypi` purl would claim that PyPI has it.
    """
    facts = component.facts
    match component.kind:
        case Kind.PYPI:
            return PackageURL("pypi", None, component.name, component.version or None)
        case Kind.CONDA:
            keys = ("build", "channel", "subdir")
            told = {key: facts[key] for key in keys if facts.get(key)}
            return PackageURL("conda", None, component.name, component.version or None, told)
        case Kind.OS:
            kind = _OS.get(facts.get("manager", ""), "deb")
            space = facts.get("distribution") or ("debian" if kind == "deb" else None)
            told = {"arch": facts["architecture"]} if facts.get("architecture") else {}
            return PackageURL(kind, space, component.name, component.version or None, told)
        case Kind.VCS | Kind.URL:
            key = "vcs_url" if component.kind is Kind.VCS else "download_url"
            told = {key: component.direct_url} if component.direct_url else {}
            return PackageURL("generic", None, component.name, component.version or None, told)
        case _:
            return None


def _root(inventory: Inventory) -> Part:
    image = inventory.image
    name = image.repository.rpartition("/")[2].lower()
    told = {"repository_url": image.repository, "arch": image.platform.split("/")[1] if "/" in image.platform else ""}
    return Part(
        name=image.repository,
        version=image.digest,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        purl=PackageURL("oci", None, name, image.digest, {key: value for key, value in told.items() if value}),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=image.digest.removeprefix("sha256:"))],
        properties=[Property(name=name, value=value) for name, value in _about(inventory)],
    )


def _about(inventory: Inventory) -> Iterator[tuple[str, str]]:
    image = inventory.image
    yield "gate:platform", image.platform
    yield "gate:base", inventory.base.reference if inventory.base else "none"
    if image.index_digest:
        yield "gate:index", image.index_digest
    for number, layer in enumerate(image.layers):
        yield f"gate:layer:{number}", layer.digest
    for kind, count in sorted(inventory.other.items()):
        yield f"gate:other:{kind}", str(count)
    errors = sum(problem.severity is Severity.ERROR for problem in inventory.problems)
    # A bill of what could be read is not a bill of what is there.
    yield "gate:complete", "false" if errors else "true"
    yield "gate:problems", str(errors)


def _part(number: int, component: Component) -> Part:
    return Part(
        name=component.name,
        version=component.version or None,
        type=ComponentType.LIBRARY,
        bom_ref=f"component-{number}",
        purl=purl_of(component),
        hashes=_hashes(component),
        licenses=_licenses(component),
        properties=[Property(name=name, value=value) for name, value in _properties(component)],
    )


def _properties(component: Component) -> Iterator[tuple[str, str]]:
    proof = component.proof
    yield "gate:kind", component.kind.value
    yield "gate:path", component.path
    yield "gate:layer", str(component.layer)
    yield "gate:base", "true" if component.in_base else "false"
    yield "gate:proof", proof.level.value if proof else "not_looked_up"
    if proof:
        yield "gate:proof:code", proof.code
        yield from ((f"gate:proof:{key}", value) for key, value in sorted(proof.evidence.items()) if value)
    if proof and proof.origin:
        yield "gate:origin", f"{proof.origin.kind.value}:{proof.origin.location}"
    elif component.direct_url:
        yield "gate:origin", f"{component.kind.value}:{component.direct_url}"
    else:
        yield "gate:origin", "unknown"


def _hashes(component: Component) -> list[HashType]:
    """Return the hashes of the archive that the component was installed from, as its record or its proof names them."""
    told = dict(component.facts)
    evidence = component.proof.evidence if component.proof else {}
    for key in ("wheel_sha256", "package_sha256"):
        if evidence.get(key):
            told["sha256"] = evidence[key].removeprefix("sha256:")
    found: dict[HashAlgorithm, HashType] = {}
    for key, form, algorithm in _HASHES:
        value = told.get(key, "").lower()
        if form.fullmatch(value):
            found.setdefault(algorithm, HashType(alg=algorithm, content=value))
    return list(found.values())


def _licenses(component: Component) -> list[License]:
    text = component.facts.get("license", "")
    if not text:
        return []
    if is_supported_id(text):
        return [DisjunctiveLicense(id=text)]
    return [LicenseExpression(text) if is_expression(text) else DisjunctiveLicense(name=text)]


def _time(image: ImageFacts) -> datetime:
    try:
        said = datetime.fromisoformat(image.created)
        return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return NO_TIME
