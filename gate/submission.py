"""What is evaluated, and what an evaluation asks of its surroundings: values and interfaces, no course of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gate.errors import StoreError
from gate.model.base import Value
from gate.model.evidence import Evidence, EvidenceManifest
from gate.model.image import ImageRef
from gate.model.reference import Declared
from gate.policy.schema import Policy
from gate.store.blobs import Blobs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from gate.model.decision import Decision
    from gate.model.exception import Grant
    from gate.store.evaluations import Evaluation


class Submission(Value):
    """What is evaluated: one digest in one place, the declared environment, and the policy in force at intake."""

    ref: ImageRef
    environment: Declared
    policy: Policy


class World(Protocol):
    """Everything outside the gate's own database that an evaluation reads or changes."""

    def gather(
        self, submission: Submission, grants: Sequence[Grant], *, submitted_at: datetime, now: datetime
    ) -> Evidence:
        """Read image, origins and findings. Raises GateError; what a source could not tell is in its report."""
        ...

    def renew(self, submission: Submission, evidence: Evidence, grants: Sequence[Grant], *, now: datetime) -> Evidence:
        """Return the evidence with all that can have changed read again: findings and grants, never the bytes."""
        ...

    def plan(self, submission: Submission, decision: Decision) -> Value:
        """Work out what promote or discard would do, changing nothing."""
        ...

    def act(self, submission: Submission, decision: Decision, plan: bytes) -> Value:
        """Do what the plan says and return what was read back. Idempotent."""
        ...

    def gone(self, submission: Submission) -> bool:
        """Say whether the image is no longer in its staging place; asked where a discard of it was begun."""
        ...

    def withdraw(self, submission: Submission, plan: bytes) -> Value | None:
        """Take back what a promotion that was begun and is denied now has brought; None if nothing of it is there.

        Raises:
            ConflictError: the digest was released already, or somebody else uses it; nothing was changed.
        """
        ...

    def tell(self, evaluation: str, decision: Decision) -> str:
        """Tell people of a discard; return `sent`, `nobody` or a code of failure. Raises nothing."""
        ...


class Exceptions(Protocol):
    """What an evaluation asks of the exception workflow, inside its own transactions."""

    def all_grants(self, connection: Connection, policy: Policy) -> tuple[Grant, ...]:
        """Return standing and stored grants, in force or not."""
        ...

    def open_drafts(self, connection: Connection, decision: Decision, evaluation: str, *, now: datetime) -> None:
        """Open a draft for each request that the decision names and that does not exist yet."""
        ...


def load_submission(connection: Connection, row: Evaluation) -> Submission:
    """Put a run's submission back together from what was kept at intake."""
    blobs = Blobs(connection)
    if row.digest is None or row.environment_digest is None or row.policy_digest is None:
        message = f"evaluation `{row.id}` was never taken in whole"
        raise StoreError(message, code="evaluation_incomplete", hint="submit the image again")
    return Submission(
        ref=ImageRef.of_place(row.repository, tag=row.tag, digest=row.digest),
        environment=Declared.parse(blobs.get(row.environment_digest)),
        policy=Policy.parse(blobs.get(row.policy_digest)),
    )


def load_evidence(connection: Connection, digest: str) -> Evidence:
    """Read a manifest and its parts; NotFoundError or StoreError (`blob_altered`) if they are not what they were."""
    blobs = Blobs(connection)
    manifest = EvidenceManifest.parse(blobs.get(digest))
    return manifest.join({part: blobs.get(part) for part in manifest.parts.values()})
