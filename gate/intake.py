"""Take a submission in, once: start a run, join the one under way, or adopt the one whose process died."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from gate.errors import ConflictError, GateError, NotFoundError, StoreError
from gate.graveyard import refuse_buried
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append, lock
from gate.model.base import canonical_json, sha256_of
from gate.store.blobs import Blobs
from gate.store.burials import Burials
from gate.store.engine import reading, writing
from gate.store.evaluations import FINAL, Claim, ClaimKind, Evaluation, Evaluations
from gate.store.submissions import Joined, Submissions
from gate.unfinished import discarding

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

    from gate.durable import Durable
    from gate.evaluation import Submission
    from gate.leases import Leases
    from gate.model.image import ImageRef
    from gate.model.principal import Principal

_POLL_SECONDS = 0.1
_KINDS = {ClaimKind.STARTED: Event.EVALUATION_SUBMITTED, ClaimKind.ADOPTED: Event.ADOPTED}


class Intake:
    """The door. Whoever submits the same digest, environment and policy while a run is open gets that run."""

    def __init__(self, *, engine: Engine, durable: Durable, leases: Leases, clock: Callable[[], datetime]) -> None:
        """Take the collaborators."""
        self._engine = engine
        self._durable = durable
        self._leases = leases
        self._clock = clock

    def submit(self, submission: Submission, requester: Principal, *, run: str = "") -> Evaluation:
        """Put the submission on record and see to it that somebody works on it.

        Args:
            submission: what is to be evaluated.
            requester: who asks.
            run: the id that a new run gets; one of this id that stands already is the answer, and one that is joined
                under it is the answer from then on.

        Raises:
            ConflictError: the run of this id is about something else (`idempotency_mismatch`), or these bytes were
                denied and lie buried in this place (`digest_tombstoned`).
        """
        now = self._clock()
        with writing(self._engine) as connection:
            lock(connection)
            row = self._row(connection, submission, requester, now)
            standing = self._standing(connection, run, row.key) if run else None
            if standing is not None and standing.state in FINAL:
                return standing
            row = row.model_copy(update={"id": run or row.id})
            claim = Evaluations(connection).claim(row, now=now)
            if claim.kind is ClaimKind.STARTED:
                refuse_buried(connection, row.repository, row.digest)
            self._on_record(connection, claim, submission, requester, now)
            _remember(connection, claim.evaluation, row, run)
        self._work(claim)
        return claim.evaluation

    def resolved(self, ref: ImageRef, resolve: Callable[[], ImageRef]) -> ImageRef:
        """Return a name as it is resolved; one that is gone since a run failed in its discard, as it was then.

        That discard is finished so by whoever runs the same command again.
        """
        try:
            return self.admit(resolve())
        except NotFoundError:
            with reading(self._engine) as connection:
                begun = discarding(connection, ref)
            if begun is None:
                raise
            return begun

    def admit(self, ref: ImageRef) -> ImageRef:
        """Return a resolved name, unless its digest was denied and lies buried there; that is looked at again soon.

        Raises:
            ConflictError: `digest_tombstoned`.
        """
        with reading(self._engine) as connection:
            buried = Burials(connection).standing(ref.place, str(ref.digest))
        if buried is not None:
            with writing(self._engine) as connection:
                Burials(connection).due_now(buried.digest, self._clock())
            with reading(self._engine) as connection:
                refuse_buried(connection, ref.place, ref.digest)
        return ref

    def refuse(self, place: str, tag: str, requester: Principal, error: GateError) -> str:
        """Put on record that something was submitted that could not be taken in; return the id of that record."""
        run = _run_id()
        record = LedgerRecord(
            event=Event.FAILED,
            evaluation=run,
            recorded_at=self._clock(),
            repository=place,
            facts={"code": error.error_code, "tag": tag} if tag else {"code": error.error_code},
        )
        with writing(self._engine) as connection:
            append(connection, record, {"actor": requester.key})
        return run

    def sweep(self) -> int:
        """Adopt every run whose lease has lapsed; return how many. Called at the start of a service."""
        now, adopted = self._clock(), 0
        with reading(self._engine) as connection:
            lapsed = Evaluations(connection).lapsed(now)
        for row in lapsed:
            adopted += self._adopt(row)
        return adopted

    def wait(self, run: str, *, until: Callable[[], bool] = lambda: False) -> Evaluation:
        """Wait for a run's end, wherever it is carried out; adopt it should its process die meanwhile.

        Args:
            run: the evaluation's id.
            until: asked between two looks; true ends the waiting early.

        Raises:
            StoreError: this process's own run broke off because nothing could be kept.
        """
        while True:
            with reading(self._engine) as connection:
                row = Evaluations(connection).get(run)
            if row.state in FINAL or until():
                return row
            mine = row.lease_owner == self._leases.owner
            if mine and self._durable.broken(run, attempt=row.attempt):
                message = f"evaluation `{run}` broke off: its state could not be kept"
                raise StoreError(message, code="evaluation_broken", hint="run the same command again to go on with it")
            if not mine and row.lease_expires_at is not None and row.lease_expires_at <= self._clock():
                self._adopt(row)
            time.sleep(_POLL_SECONDS)

    def _standing(self, connection: Connection, run: str, key: str) -> Evaluation | None:
        joined = Submissions(connection).find(run)
        row = Evaluations(connection).find(run if joined is None else joined.evaluation)
        if row is not None and row.key != key:
            message = f"evaluation `{run}` is about another image, environment or policy"
            raise ConflictError(message, code="idempotency_mismatch", hint="use a new `Idempotency-Key`")
        return row

    def _row(self, connection: Connection, submission: Submission, requester: Principal, now: datetime) -> Evaluation:
        blobs = Blobs(connection)
        environment = blobs.put(submission.environment.canonical())
        policy = blobs.put(submission.policy.canonical())
        ref = submission.ref
        key = sha256_of(canonical_json([ref.place, ref.digest, environment, policy]))
        return Evaluation(
            id=_run_id(),
            key=key,
            repository=ref.place,
            tag=ref.tag,
            digest=ref.digest,
            environment_digest=environment,
            policy_digest=policy,
            requester=requester,
            submitted_at=now,
            first_seen_at=now,
            lease_owner=self._leases.owner,
            lease_expires_at=self._leases.until(now),
        )

    def _on_record(
        self, connection: Connection, claim: Claim, submission: Submission, requester: Principal, now: datetime
    ) -> None:
        event = _KINDS.get(claim.kind)
        if event is None:
            return
        row = claim.evaluation
        facts = {"environment": row.environment_digest or "", "policy": row.policy_digest or "", "tag": row.tag}
        base = LedgerRecord(
            event=event,
            evaluation=row.id,
            attempt=row.attempt,
            recorded_at=now,
            subject=row.digest,
            repository=row.repository,
            facts={name: value for name, value in facts.items() if value},
        )
        append(connection, base, {"actor": requester.key})
        if event is Event.EVALUATION_SUBMITTED:
            resolved = {"event": Event.DIGEST_RESOLVED, "facts": {"digest": str(submission.ref.digest)}}
            append(connection, base.model_copy(update=resolved))

    def _work(self, claim: Claim) -> None:
        row = claim.evaluation
        match claim.kind:
            case ClaimKind.STARTED:
                self._leases.take(row.id, row.attempt)
                self._durable.start(row.id)
            case ClaimKind.ADOPTED:
                self._leases.take(row.id, row.attempt)
                self._durable.adopt(row.id, attempt=row.attempt)
            case ClaimKind.JOINED:
                pass

    def _adopt(self, row: Evaluation) -> bool:
        now = self._clock()
        mine = row.model_copy(update={"lease_owner": self._leases.owner, "lease_expires_at": self._leases.until(now)})
        with writing(self._engine) as connection:
            lock(connection)
            standing = Evaluations(connection).get(row.id)
            if standing.state in FINAL:
                return False
            claim = Evaluations(connection).claim(mine, now=now)
            if claim.kind is not ClaimKind.ADOPTED:
                return False
            record = LedgerRecord(
                event=Event.ADOPTED,
                evaluation=row.id,
                attempt=claim.evaluation.attempt,
                recorded_at=now,
                subject=row.digest,
                repository=row.repository,
            )
            append(connection, record)
        self._work(claim)
        return True


def _remember(connection: Connection, got: Evaluation, asked: Evaluation, run: str) -> None:
    """Keep who got a run that they did not begin: their key stands for it, and they asked for it as the first did."""
    if run:
        if got.id != run:
            _put_join(connection, run, got, asked)
    elif got.id != asked.id and got.requester.key != asked.requester.key:
        _put_join(connection, f"JON-{sha256_of(canonical_json([got.id, asked.requester.key]))}", got, asked)


def _put_join(connection: Connection, submission: str, got: Evaluation, asked: Evaluation) -> None:
    joined = Joined(
        id=submission, evaluation=got.id, tag=asked.tag, requester=asked.requester, submitted_at=asked.submitted_at
    )
    Submissions(connection).put(joined)


def _run_id() -> str:
    return f"EVL-{uuid.uuid4().hex}"
