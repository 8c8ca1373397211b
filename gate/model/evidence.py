"""All facts that one decision is made from, and the small manifest under which they are kept."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Instant, Value, canonical_json, sha256_of
from gate.model.digest import Digest
from gate.model.exception import Grant
from gate.model.finding import SourceReport
from gate.model.image import Inventory
from gate.model.reference import Declared


class ExceptionFacts(Value):
    """The grants that were looked at, whatever came of each; standing and stored ones alike."""

    grants: tuple[Grant, ...] = ()


class FindingFacts(Value):
    """One report a source, in the order in which policy lists the sources."""

    reports: tuple[SourceReport, ...] = ()


class Evidence(Value):
    """The parts, loaded. `submitted_at` is when this digest first came to this gate; deadlines run from it."""

    repository: str
    subject: Digest
    submitted_at: Instant
    environment: Declared
    image: Inventory
    findings: FindingFacts
    exceptions: ExceptionFacts

    def split(self) -> tuple[EvidenceManifest, dict[str, bytes]]:
        """Return the manifest and the parts' canonical bytes by digest: what is stored, shared and replayed."""
        parts = {
            "environment": self.environment.canonical(),
            "image": self.image.canonical(),
            "findings": self.findings.canonical(),
            "exceptions": self.exceptions.canonical(),
        }
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
            ValueError: a part is missing or its bytes do not have the digest that the manifest names.
        """
        loaded: dict[str, bytes] = {}
        for name, digest in self.parts.items():
            data = parts.get(digest)
            if data is None or sha256_of(data) != digest:
                message = f"evidence part `{name}` is missing or altered: {digest}"
                raise ValueError(message)
            loaded[name] = data
        return Evidence(
            repository=self.repository,
            subject=self.subject,
            submitted_at=self.submitted_at,
            environment=Declared.parse(loaded["environment"]),
            image=Inventory.parse(loaded["image"]),
            findings=FindingFacts.parse(loaded["findings"]),
            exceptions=ExceptionFacts.parse(loaded["exceptions"]),
        )


def evidence_digest(manifest: EvidenceManifest) -> str:
    """Return the digest of the manifest's canonical form."""
    return sha256_of(canonical_json(manifest.model_dump(mode="json")))
