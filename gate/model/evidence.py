"""All facts that one decision is made from, and the small manifest under which they are kept."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Instant, Value, canonical_json, sha256_of
from gate.model.digest import Digest
from gate.model.exception import Grant
from gate.model.finding import SourceReport
from gate.model.image import IndexFacts, Inventory
from gate.model.reference import Declared
from gate.model.resolution import ImageSet

_PARTS = frozenset({"environment", "image", "findings", "exceptions"})
_INDEX, _IMAGE, _FINDINGS, _RESOLVED = "index", "image.", "findings.", "resolved"


class ExceptionFacts(Value):
    """The grants that were looked at, whatever came of each; standing and stored ones alike."""

    grants: tuple[Grant, ...] = ()


class FindingFacts(Value):
    """One report a source, in the order in which policy lists the sources."""

    reports: tuple[SourceReport, ...] = ()


class Sibling(Value):
    """One more image of the same index: read, proved, resolved for and scanned for itself."""

    image: Inventory
    findings: FindingFacts
    resolved: ImageSet | None = None


class Evidence(Value):
    """The parts, loaded.

    Attributes:
        submitted_at: when this digest first came to this gate; deadlines run from it.
        image: the image; of an index the first that can be run.
        findings: what the sources say of that image.
        index: what the subject lists, if it is an index.
        siblings: the index's other images, in its order.
        resolved: what the declaration resolves to for that image; nothing if nobody resolved it.
    """

    repository: str
    subject: Digest
    submitted_at: Instant
    environment: Declared
    image: Inventory
    findings: FindingFacts
    exceptions: ExceptionFacts
    index: IndexFacts | None = None
    siblings: tuple[Sibling, ...] = ()
    resolved: ImageSet | None = None

    def views(self) -> tuple[Evidence, ...]:
        """Return the evidence once an image, as if that were the only one: what is judged child by child."""
        others = (
            self.model_copy(
                update={"image": one.image, "findings": one.findings, "resolved": one.resolved, "siblings": ()}
            )
            for one in self.siblings
        )
        return (self.model_copy(update={"siblings": ()}), *others)

    def split(self) -> tuple[EvidenceManifest, dict[str, bytes]]:
        """Return the manifest and the parts' canonical bytes by digest: what is stored, shared and replayed."""
        parts = {
            "environment": self.environment.canonical(),
            "image": self.image.canonical(),
            "findings": self.findings.canonical(),
            "exceptions": self.exceptions.canonical(),
        }
        if self.index is not None:
            parts[_INDEX] = self.index.canonical()
        if self.resolved is not None:
            parts[_RESOLVED] = self.resolved.canonical()
        for number, sibling in enumerate(self.siblings):
            parts[f"{_IMAGE}{number}"] = sibling.image.canonical()
            parts[f"{_FINDINGS}{number}"] = sibling.findings.canonical()
            if sibling.resolved is not None:
                parts[_resolved(number)] = sibling.resolved.canonical()
        digests = {name: sha256_of(data) for name, data in parts.items()}
        manifest = EvidenceManifest(
            repository=self.repository, subject=self.subject, submitted_at=self.submitted_at, parts=digests
        )
        return manifest, {digests[name]: data for name, data in parts.items()}


class EvidenceManifest(Value):
    """Which parts, by digest. Its own digest is what a decision and the ledger name."""

    version: Literal["gate.evidence/1"] = "gate.evidence/1"
    repository: str
    subject: Digest
    submitted_at: Instant
    parts: dict[str, Digest]

    def join(self, parts: dict[str, bytes]) -> Evidence:
        """Put the evidence back together.

        Raises:
            ValueError: a part is missing, its bytes do not have the digest that the manifest names, or nobody knows
                a part of that name.
        """
        loaded: dict[str, bytes] = {}
        for name, digest in self.parts.items():
            data = parts.get(digest)
            if data is None or sha256_of(data) != digest:
                message = f"evidence part `{name}` is missing or altered: {digest}"
                raise ValueError(message)
            loaded[name] = data
        siblings = sum(name.startswith(_IMAGE) for name in loaded)
        known = {*_PARTS, *(f"{part}{number}" for part in (_IMAGE, _FINDINGS) for number in range(siblings))}
        perhaps = {_INDEX, _RESOLVED, *(_resolved(number) for number in range(siblings))}
        if set(loaded) - known - perhaps or known - set(loaded):
            # A part that this version does not know may be the one that speaks against the image.
            message = f"the evidence has other parts than are known: {', '.join(sorted(loaded))[:500]}"
            raise ValueError(message)
        return Evidence(
            repository=self.repository,
            subject=self.subject,
            submitted_at=self.submitted_at,
            environment=Declared.parse(loaded["environment"]),
            image=Inventory.parse(loaded["image"]),
            findings=FindingFacts.parse(loaded["findings"]),
            exceptions=ExceptionFacts.parse(loaded["exceptions"]),
            index=IndexFacts.parse(loaded[_INDEX]) if _INDEX in loaded else None,
            siblings=tuple(
                Sibling(
                    image=Inventory.parse(loaded[f"{_IMAGE}{number}"]),
                    findings=FindingFacts.parse(loaded[f"{_FINDINGS}{number}"]),
                    resolved=_set_of(loaded, _resolved(number)),
                )
                for number in range(siblings)
            ),
            resolved=_set_of(loaded, _RESOLVED),
        )


def _resolved(number: int) -> str:
    return f"{_RESOLVED}.{number}"


def _set_of(parts: dict[str, bytes], name: str) -> ImageSet | None:
    return ImageSet.parse(parts[name]) if name in parts else None


def evidence_digest(manifest: EvidenceManifest) -> str:
    """Return the digest of the manifest's canonical form."""
    return sha256_of(canonical_json(manifest.model_dump(mode="json")))
