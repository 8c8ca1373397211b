"""The evaluation of one image digest: gather, decide, act. Every step is durable, every change is on record.

Steps, numbered as in the code: 1. gather the evidence; 2. decide on it; 3. plan what the decision asks for and record
the intent; 4. act, and read back what came of it; 5. record the outcome; 6. tell people of a discard. A process that is
killed between any two is followed by one that adopts the run and goes on from the last kept step.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from gate.errors import StoreError
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.writer import append, lock
from gate.model.base import Value, canonical_json, format_instant
from gate.model.decision import Decision, Outcome
from gate.model.evidence import Evidence, EvidenceManifest
from gate.model.failure import Failure
from gate.model.image import ImageRef
from gate.model.reference import Declared
from gate.policy.decide import decide
from gate.policy.schema import Policy
from gate.store.blobs import Blobs
from gate.store.decisions import Decisions
from gate.store.engine import reading, writing
from gate.store.evaluations import OPEN, Evaluation, Evaluations, EvaluationState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import Connection, Engine

    from gate.durable import Durable
    from gate.leases import Leases
    from gate.model.exception import Grant

Json = dict[str, Any]

_FINAL = {
    Outcome.PROMOTE: (EvaluationState.PROMOTED, Event.PROMOTED),
    Outcome.DISCARD: (EvaluationState.DISCARDED, Event.DISCARDED),
    Outcome.HOLD: (EvaluationState.HELD, Event.HELD),
}
_INTENT = {Outcome.PROMOTE: Event.PROMOTION_INTENDED, Outcome.DISCARD: Event.DISCARD_INTENDED}


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

    def plan(self, submission: Submission, decision: Decision) -> Value:
        """Work out what promote or discard would do, changing nothing."""
        ...

    def act(self, submission: Submission, decision: Decision, plan: bytes) -> Value:
        """Do what the plan says and return what was read back. Idempotent."""
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


class EvaluationWorkflow:
    """The workflow. It holds no state: all that a step needs it reads by the run's id."""

    def __init__(  # noqa: PLR0913 - collaborators, each named
        self,
        *,
        engine: Engine,
        durable: Durable,
        leases: Leases,
        world: World,
        exceptions: Exceptions,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the collaborators."""
        self._engine = engine
        self._durable = durable
        self._leases = leases
        self._world = world
        self._exceptions = exceptions
        self._clock = clock

    def run(self, evaluation: str) -> Json:
        """Carry one run to its end. Called by the durable engine, again after each adoption."""
        with self._leases.held(evaluation):
            gathered = self._durable.step("gather", self._kept(self._gather), evaluation)  # 1
            if "failure" in gathered:
                return self._fail(evaluation, gathered["failure"])
            decided = self._durable.transaction(  # 2
                "decide", self._decide, evaluation, gathered["evidence"], gathered["now"]
            )
            outcome = Outcome(decided["outcome"])
            acted: Json = {"receipt": ""}
            if outcome is not Outcome.HOLD:
                planned = self._durable.step("plan", self._kept(self._plan), evaluation, decided["decision"])  # 3
                if "failure" in planned:
                    return self._fail(evaluation, planned["failure"])
                self._durable.transaction("intend", self._intend, evaluation, outcome.value, planned["plan"])
                acted = self._durable.step(  # 4
                    "act", self._kept(self._act), evaluation, decided["decision"], planned["plan"]
                )
                if "failure" in acted:
                    return self._fail(evaluation, acted["failure"])
            concluded = self._durable.transaction(  # 5
                "conclude", self._conclude, evaluation, outcome.value, decided["decision"], acted["receipt"]
            )
            if outcome is not Outcome.DISCARD:
                return concluded
            told = self._durable.step("tell", self._tell, evaluation, decided["decision"])  # 6
            return self._durable.transaction("told", self._told, evaluation, told["told"])

    def _gather(self, evaluation: str) -> Json:
        """Gather as of one instant, which the decision then takes as its own."""
        now = self._clock()
        with reading(self._engine) as connection:
            row = Evaluations(connection).get(evaluation)
            submission = load_submission(connection, row)
            grants = self._exceptions.all_grants(connection, submission.policy)
        evidence = self._world.gather(submission, grants, submitted_at=row.first_seen_at or row.submitted_at, now=now)
        manifest, parts = evidence.split()
        with writing(self._engine) as connection:
            Blobs(connection).put_all(parts.values())
            digest = Blobs(connection).put(manifest.canonical())
        return {"evidence": digest, "now": format_instant(now)}

    def _decide(self, connection: Connection, evaluation: str, evidence_digest: str, instant: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        policy = load_submission(connection, row).policy
        evidence = load_evidence(connection, evidence_digest)
        now = datetime.fromisoformat(instant)
        decision = decide(evidence, policy, now)
        digest = Decisions(connection).put(evaluation, decision)
        self._record(connection, row, Event.EVIDENCE_GATHERED, now, evidence=evidence_digest)
        self._record(
            connection,
            row,
            Event.DECIDED,
            now,
            decision=digest,
            outcome=decision.outcome.value,
            policy=decision.policy,
            ruleset=decision.ruleset,
            recorded=" ".join(decision.recorded_sources),
        )
        self._exceptions.open_drafts(connection, decision, evaluation, now=now)
        self._move(connection, row, EvaluationState.DECIDED, decision_digest=digest, outcome=decision.outcome)
        return {"decision": digest, "outcome": decision.outcome.value}

    def _plan(self, evaluation: str, decision_digest: str) -> Json:
        submission, decision = self._load(evaluation, decision_digest)
        plan = self._world.plan(submission, decision)
        with writing(self._engine) as connection:
            return {"plan": Blobs(connection).put(plan.canonical())}

    def _intend(self, connection: Connection, evaluation: str, outcome: str, plan: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        self._record(connection, row, _INTENT[Outcome(outcome)], self._clock(), plan=plan)
        self._move(connection, row, EvaluationState.ACTING)
        return {}

    def _act(self, evaluation: str, decision_digest: str, plan_digest: str) -> Json:
        submission, decision = self._load(evaluation, decision_digest)
        with reading(self._engine) as connection:
            plan = Blobs(connection).get(plan_digest)
        receipt = self._world.act(submission, decision, plan)
        with writing(self._engine) as connection:
            return {"receipt": Blobs(connection).put(receipt.canonical())}

    def _tell(self, evaluation: str, decision_digest: str) -> Json:
        _, decision = self._load(evaluation, decision_digest)
        return {"told": self._world.tell(evaluation, decision)}

    def _told(self, connection: Connection, evaluation: str, told: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        event = Event.NOTIFIED if told in {"sent", "nobody"} else Event.NOTIFICATION_FAILED
        now = self._clock()
        self._record(connection, row, event, now, result=told)
        self._move(connection, row, EvaluationState.DISCARDED, finished_at=now)
        return {"state": EvaluationState.DISCARDED.value}

    def _conclude(self, connection: Connection, evaluation: str, outcome: str, decision: str, receipt: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        state, event = _FINAL[Outcome(outcome)]
        now = self._clock()
        self._record(connection, row, event, now, decision=decision, receipt=receipt)
        if state is not EvaluationState.DISCARDED:  # open until people were told, so that a killed process is followed
            self._move(connection, row, state, finished_at=now)
        return {"state": state.value}

    def _fail(self, evaluation: str, failure: Json) -> Json:
        return self._durable.transaction("fail", self._failed, evaluation, canonical_json(failure).decode())

    def _failed(self, connection: Connection, evaluation: str, text: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        failure, now = Failure.parse(text), self._clock()
        detail = Blobs(connection).put(failure.canonical())
        self._record(connection, row, Event.FAILED, now, code=failure.code, failure=detail)
        self._move(connection, row, EvaluationState.FAILED, error_code=failure.code, finished_at=now)
        return {"state": EvaluationState.FAILED.value}

    def _kept(self, function: Callable[..., Json]) -> Callable[..., Json]:
        """Turn whatever a step raises into a failure that is kept: the run ends on record and never in silence."""

        def attempt(*arguments: str) -> Json:
            try:
                return function(*arguments)
            except StoreError:
                raise  # the database itself: nothing can be kept; the lease lapses and the run is adopted
            except Exception as error:  # noqa: BLE001 - the one place where the unforeseen becomes a result
                return {"failure": Failure.of(error).model_dump(mode="json")}

        return attempt

    def _load(self, evaluation: str, decision_digest: str) -> tuple[Submission, Decision]:
        with reading(self._engine) as connection:
            row = Evaluations(connection).get(evaluation)
            decision = Decision.parse(Blobs(connection).get(decision_digest))
            return load_submission(connection, row), decision

    def _record(self, connection: Connection, row: Evaluation, event: Event, now: datetime, **facts: str) -> None:
        record = LedgerRecord(
            event=event,
            evaluation=row.id,
            attempt=self._leases.attempt(row.id),
            recorded_at=now,
            subject=row.digest,
            repository=row.repository,
            facts={name: value for name, value in facts.items() if value},
        )
        append(connection, record)

    def _move(self, connection: Connection, row: Evaluation, after: EvaluationState, **facts: object) -> None:
        Evaluations(connection).move(
            row.id,
            owner=self._leases.owner,
            attempt=self._leases.attempt(row.id),
            before=OPEN,
            after=after,
            **facts,
        )


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
