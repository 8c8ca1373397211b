"""What a look for proof of a scan comes to: proven, or not and why. A proof that does not count is never left out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from pydantic import ConfigDict, Field, model_validator

from gate.model.base import Instant, Value
from gate.model.digest import Digest
from gate.model.finding import Finding
from gate.model.image import ImageRef
from gate.registry.interface import Descriptor


class Proven(Value):
    """A scan of exactly this digest, by somebody whose word counts.

    Attributes:
        kind: `artifact` or `sarif`.
        scanned_at: when the scan was made, by the prover's word.
        results: how many vulnerabilities it lists.
        findings: the same as findings, where the proof is the source of them (a scanner's own report).
        evidence: digests and names, for the record.
    """

    kind: str
    scanned_at: Instant
    results: int
    findings: tuple[Finding, ...] = ()
    evidence: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults


class NotProven(Value):
    """Something that was attached or handed in as proof and is none; `code` says why not, `reason` in words."""

    kind: str
    code: str
    reason: str


Verdict = Proven | NotProven


class Attachments(Protocol):
    """A registry that can say what is attached to a digest, and since when it has it."""

    def referrers(self, ref: ImageRef, artifact_type: str) -> tuple[Descriptor, ...]:
        """List the manifests that name the ref's digest as their subject, of one artifact type.

        The list is a hint: each must be read, and its own subject believed. By the referrers API, or by the tag that
        stands in for it. Raises UpstreamError if neither can be read, BoundError past a bound.
        """
        ...

    def pushed_at(self, ref: ImageRef) -> datetime | None:
        """Return when the repository got the ref's digest (UTC), or None if the registry does not tell."""
        ...


class SubmittedScan(Value):
    """A scanner's report as it was handed in: by whom, when, about which digest it was filed, and its bytes."""

    submitter: str
    """`tenant/object-id`, proved by the service that took it in."""
    received_at: Instant
    digest: Digest
    report: bytes


class FiledScan(Value):
    """What became of a report that was handed in: what is kept, of whom, and whether it proves a scan as of now.

    Attributes:
        digest: the image that it was filed about.
        report: the digest under which the report is kept.
        submitter: `tenant/object-id` of who handed it in, proved.
        scanner: policy names this identity as a scanner.
        counts: it proves a scan; else `code` and `reason` say why it does not. It is kept in any case.
        scanned_at: when the scan was made, by the report's word; `results` is how many it lists.
    """

    model_config = ConfigDict(title="gate.scan/1")

    version: Literal["gate.scan/1"] = Field(default="gate.scan/1", alias="schema")
    digest: Digest
    report: Digest
    submitter: str
    scanner: bool
    counts: bool
    code: str = ""
    reason: str = ""
    scanned_at: Instant | None = None
    results: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> FiledScan:
        if self.counts == bool(self.code) or (self.counts and not self.scanner):
            message = "what counts has no reason against it, and is a scanner's"
            raise ValueError(message)
        return self


class Scans(Protocol):
    """Where handed-in scan reports are kept."""

    def of(self, digest: str) -> tuple[SubmittedScan, ...]:
        """Return the reports that were filed about a digest, oldest first. Raises GateError if they can't be read."""
        ...

    def judged(self, digest: str) -> frozenset[str]:
        """Return who submitted this digest for evaluation, as `tenant/object-id`: their own word proves nothing."""
        ...


class NoScans:
    """Nobody handed anything in, for there is nowhere to."""

    def of(self, digest: str) -> tuple[SubmittedScan, ...]:
        """Return nothing."""
        del digest
        return ()

    def judged(self, digest: str) -> frozenset[str]:
        """Return nobody."""
        del digest
        return frozenset()
