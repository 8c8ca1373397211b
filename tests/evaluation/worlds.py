"""A world behind the production interface whose state lies in files, so that a killed process can be followed."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.errors import UpstreamError
from gate.evaluation import Submission
from gate.model.base import Value
from gate.model.drift import Drift
from gate.model.evidence import Evidence, ExceptionFacts, FindingFacts
from gate.model.finding import DataSnapshot, ScanState, SourceReport
from gate.model.image import Above, BaseMatch, Component, ImageFacts, ImageRef, Inventory, LayerFact, Proof, ProofLevel
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.reference import Declared, Reference
from gate.model.resolution import FileKind, ImageSet, Resolution, ResolvedFile, ResolvedPackage
from gate.model.steering import Steering
from gate.policy.schema import BaseImage, Policy
from gate.policy.source import load_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from gate.model.decision import Decision
    from gate.model.exception import Grant

DIGEST = "sha256:" + "1" * 64
BASE_DIFF, OWN_DIFF = "sha256:" + "2" * 64, "sha256:" + "3" * 64
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PYPI = Origin(kind=OriginKind.PYTHON_INDEX, location="pypi")


class Step(Value):
    """What the world was asked to do."""

    name: str


def policy() -> Policy:
    """Return the embedded defaults with one base image listed and recordings allowed."""
    defaults = load_policy()
    base = BaseImage(reference="mcr.microsoft.com/base", diff_ids=(BASE_DIFF,), created=NOW)
    defender = defaults.decision.findings.defender.model_copy(update={"allow_recorded": True})
    findings = defaults.decision.findings.model_copy(update={"defender": defender})
    return defaults.model_copy(
        update={
            "safelist": defaults.safelist.model_copy(update={"base_images": (base,)}),
            "decision": defaults.decision.model_copy(update={"findings": findings}),
        }
    )


def submission(digest: str = DIGEST) -> Submission:
    """Return a submission that the world below would promote."""
    return Submission(
        ref=ImageRef.of_place("registry.example/staging/app", tag="1", digest=digest),
        environment=Declared(
            references=(Reference(kind=Kind.PYPI, name="six", spec="==1.16.0", origins=(PYPI,), file="r.txt", line=1),),
            files=("r.txt",),
        ),
        policy=policy(),
    )


def closed(now: datetime = NOW, **update: Any) -> ImageSet:
    """Return what the declaration above resolves to at an instant, with parts of its one package replaced."""
    file = ResolvedFile(
        filename="six-1.16.0-py2.py3-none-any.whl",
        url="https://example.org/six-1.16.0-py2.py3-none-any.whl",
        sha256="sha256:" + "6" * 64,
        upload_time=NOW - timedelta(days=900),
        kind=FileKind.WHEEL,
    )
    six = ResolvedPackage(
        kind=Kind.PYPI, name="six", version="1.16.0", origin=PYPI, files=(file,), declared=("r.txt:1",), pinned=True
    )
    package = six.model_copy(update=update)
    resolution = Resolution(platform="linux-x86_64", python="3.11", packages=(package,), resolved_at=now)
    return ImageSet(resolution=resolution)


def evidence(
    given: Submission,
    grants: Sequence[Grant],
    *,
    submitted_at: datetime,
    now: datetime,
    component: Component | None = None,
    reports: Sequence[SourceReport] | None = None,
) -> Evidence:
    """Return evidence on which every rule passes, unless a component or reports say otherwise."""
    digest = str(given.ref.digest)
    six = Component(
        kind=Kind.PYPI,
        name="six",
        version="1.16.0",
        path="usr/lib/python3/site-packages/six-1.16.0.dist-info",
        layer=1,
        proof=Proof(level=ProofLevel.PROVEN, code="record_equal", origin=PYPI),
    )
    layers = tuple(
        LayerFact(digest=diff, diff_id=diff, size=1, media_type="application/vnd.oci.image.layer.v1.tar")
        for diff in (BASE_DIFF, OWN_DIFF)
    )
    image = ImageFacts(
        repository=given.ref.place,
        digest=digest,
        media_type="application/vnd.oci.image.manifest.v1+json",
        config_digest="sha256:" + "4" * 64,
        platform="linux/amd64",
        layers=layers,
    )
    inventory = Inventory(
        image=image,
        base=BaseMatch(reference="mcr.microsoft.com/base", layers=1),
        components=(component or six,),
        above=Above(),
        steering=Steering(),
        drift=Drift(declared=1, observed=1),
    )
    return Evidence(
        repository=given.ref.place,
        subject=digest,
        submitted_at=submitted_at,
        environment=given.environment,
        image=inventory,
        findings=FindingFacts(reports=tuple(reports if reports is not None else sources(digest, now))),
        exceptions=ExceptionFacts(grants=tuple(grants)),
        resolved=closed(now),
    )


def sources(digest: str, now: datetime) -> tuple[SourceReport, SourceReport]:
    """Return a clean scan and a clean audit."""
    data = DataSnapshot(kind="osv-pypi", digest="sha256:" + "5" * 64, source="test", published_at=now, imported_at=now)
    return (
        SourceReport(
            source="defender", subject=digest, state=ScanState.CLEAN, scanned_at=now, proof="recording", recorded=True
        ),
        SourceReport(
            source="advisories",
            subject=digest,
            state=ScanState.CLEAN,
            scanned_at=now,
            proof="local_audit",
            audited=1,
            data=data,
            also=(data.model_copy(update={"kind": "known-exploited"}),),
        ),
    )


class FileWorld:
    """Registries are folders with one file a digest; every call is one line in a log that survives the process.

    `kill` names `before:<step>` or `after:<step>`, at which the process kills itself, once. `bad` makes the image one
    that is discarded. `fail` names a step that raises.
    """

    def __init__(self, root: Path, *, kill: str = "", bad: bool = False, fail: str = "", slow: float = 0.0) -> None:
        self.root, self._kill, self._bad, self._fail, self.slow = root, kill, bad, fail, slow
        for name in ("staging", "release"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def put(self, digest: str) -> None:
        """Push an image to staging."""
        (self.root / "staging" / digest).write_text(digest)

    def at(self, point: str) -> None:
        """Log the point, and die there if that is what was asked for and did not happen yet."""
        with (self.root / "log").open("a") as log:
            log.write(f"{point}\n")
        marker = self.root / f"killed-{point.replace(':', '-')}"
        if point == self._kill and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def gather(
        self, submission: Submission, grants: Sequence[Grant], *, submitted_at: datetime, now: datetime
    ) -> Evidence:
        self.at("before:gather")
        if self._fail == "gather":
            message = "the registry answered 500"
            raise UpstreamError(message)
        component = None
        if self._bad:
            component = Component(
                kind=Kind.VCS,
                name="evil",
                version="1",
                path="x/evil-1.dist-info",
                layer=1,
                direct_url="https://git.example/evil",
                facts={"metadata_sha256": "0"},
                proof=Proof(level=ProofLevel.CONTRADICTED, code="direct_url"),
            )
        found = evidence(submission, grants, submitted_at=submitted_at, now=now, component=component)
        self.at("after:gather")
        return found

    def renew(self, submission: Submission, evidence: Evidence, grants: Sequence[Grant], *, now: datetime) -> Evidence:
        del submission, now
        self.at("before:renew")
        return evidence.model_copy(update={"exceptions": ExceptionFacts(grants=tuple(grants))})

    def gone(self, submission: Submission) -> bool:
        return not (self.root / "staging" / str(submission.ref.digest)).exists()

    def withdraw(self, submission: Submission, plan: bytes) -> Value | None:
        self.at("before:withdraw")
        released = self.root / "release" / str(submission.ref.digest)
        if not released.exists():
            return None
        released.unlink()
        return Step.parse(plan)

    def plan(self, submission: Submission, decision: Decision) -> Value:
        self.at("before:plan")
        return Step(name=f"{decision.outcome.value} {submission.ref}")

    def act(self, submission: Submission, decision: Decision, plan: bytes) -> Value:
        self.at("before:act")
        if self._fail == "act":
            message = "unforeseen"
            raise RuntimeError(message)
        digest = str(submission.ref.digest)
        if decision.outcome.value == "promote":
            (self.root / "release" / digest).write_text(digest)
        else:
            (self.root / "staging" / digest).unlink(missing_ok=True)
        self.at("after:act")
        return Step.parse(plan)

    def tell(self, evaluation: str, decision: Decision) -> str:
        del decision
        self.at("before:tell")
        with (self.root / "mail").open("a") as mail:
            mail.write(f"{evaluation}\n")
        return "sent"


class NoExceptions:
    """An exception workflow in which nobody filed anything."""

    def all_grants(self, connection: Connection, policy: Policy) -> tuple[Grant, ...]:
        del connection
        return policy.grants

    def open_drafts(self, connection: Connection, decision: Decision, evaluation: str, *, now: datetime) -> None:
        del connection, decision, evaluation, now


LEASE = timedelta(seconds=0.8)
