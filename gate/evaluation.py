"""The evaluation of one image digest: gather, decide, act. Every step is durable, every change is on record.

Steps, numbered as in the code: 1. gather the evidence, or finish a discard that an earlier run began and that left
nothing to gather from; 2. decide on it; 3. take back what was begun and may not be released, by this run or by one that
failed; plan what the decision asks for and record the intent; 4. look again, before a promotion, at all that can have
changed, then act and read back what came of it; 5. where that look decided otherwise, record it and carry out the new
decision; 6. record the outcome; 7. tell people of a discard. A process that is killed between any two is followed by
one that adopts the run and goes on from the last kept step; what it acts on it has looked at again itself.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gate.errors import ConflictError, StoreError
from gate.graveyard import enter
from gate.ledger.record import Event
from gate.ledger.writer import lock
from gate.ledgered_run import LedgeredRun
from gate.model.base import canonical_json, format_instant
from gate.model.decision import Decision, Outcome
from gate.model.failure import Failure
from gate.policy.decide import decide
from gate.store.blobs import Blobs
from gate.store.engine import reading, writing
from gate.store.evaluations import Evaluation, Evaluations, EvaluationState
from gate.submission import Exceptions, Submission, World, load_evidence, load_submission
from gate.unfinished import begun

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine

    from gate.durable import Durable
    from gate.leases import Leases
    from gate.model.evidence import Evidence

__all__ = ["EvaluationWorkflow", "Exceptions", "Submission", "World", "load_evidence", "load_submission"]

Json = dict[str, Any]

_FINAL = {
    Outcome.PROMOTE: (EvaluationState.PROMOTED, Event.PROMOTED),
    Outcome.DISCARD: (EvaluationState.DISCARDED, Event.DISCARDED),
    Outcome.HOLD: (EvaluationState.HELD, Event.HELD),
}
_FACTS = ("receipt", "evidence", "withdrawal", "due_at")
"""What the record of an outcome names: what was read back, what was looked at again, what was taken back, and from when
on what lies hidden is deleted."""
_INTENT = {Outcome.PROMOTE: Event.PROMOTION_INTENDED, Outcome.DISCARD: Event.DISCARD_INTENDED}


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
        self._run = LedgeredRun(leases)

    def run(self, evaluation: str) -> Json:
        """Carry one run to its end. Called by the durable engine, again after each adoption."""
        with self._leases.held(evaluation):
            gathered = self._durable.step("gather", self._kept(self._gather), evaluation)  # 1
            if "failure" in gathered:
                return self._fail(evaluation, gathered["failure"])
            if "begun" in gathered:
                decided = self._durable.transaction("resume", self._resume, evaluation, gathered["begun"])
            else:
                decided = self._durable.transaction(  # 2
                    "decide", self._decide, evaluation, gathered["evidence"], gathered["now"]
                )
            ended = self._carry_out(evaluation, decided, gathered.get("plan", ""))
            if "denied" in ended:  # 5
                decided = self._durable.transaction(
                    "reconsider", self._reconsider, evaluation, ended["evidence"], ended["now"]
                )
                ended = self._carry_out(evaluation, decided)
            if "failure" in ended:
                return self._fail(evaluation, ended["failure"])
            concluded = self._durable.transaction(  # 6
                "conclude", self._conclude, evaluation, decided["outcome"], decided["decision"], _text(ended)
            )
            if concluded["state"] != EvaluationState.DISCARDED.value:
                return concluded
            told = self._durable.step("tell", self._tell, evaluation, decided["decision"])  # 7
            return self._durable.transaction("told", self._told, evaluation, told["told"])

    def _carry_out(self, evaluation: str, decided: Json, standing: str = "") -> Json:
        """Plan and act; return the facts of what came of it, or `failure`, or `denied` and what was looked at.

        `standing` is the plan of a discard that was begun: a new one would not see what went first.
        """
        taken: Json = {}
        if decided["outcome"] != Outcome.PROMOTE.value:
            taken = self._durable.step("withdraw", self._kept(self._withdraw), evaluation)  # 3
            if "failure" in taken or decided["outcome"] == Outcome.HOLD.value:
                return taken
        planned = {"plan": standing}
        if not standing:
            planned = self._durable.step("plan", self._kept(self._plan), evaluation, decided["decision"])
        if "failure" in planned:
            return planned
        self._durable.transaction("intend", self._intend, evaluation, decided["outcome"], planned["plan"])
        acted = self._durable.step(  # 4
            "act", self._kept(self._act), evaluation, decided["decision"], planned["plan"]
        )
        return acted | taken

    def _gather(self, evaluation: str) -> Json:
        """Gather as of one instant, which the decision then takes as its own."""
        now = self._clock()
        with reading(self._engine) as connection:
            row = Evaluations(connection).get(evaluation)
            submission = load_submission(connection, row)
            grants = self._exceptions.all_grants(connection, submission.policy)
            discards = begun(connection, row, Event.DISCARD_INTENDED)
        if discards and self._world.gone(submission):
            return {"begun": discards[0].evaluation, "plan": discards[0].plan}
        evidence = self._world.gather(submission, grants, submitted_at=row.first_seen_at or row.submitted_at, now=now)
        return {"evidence": self._keep(evidence), "now": format_instant(now)}

    def _keep(self, evidence: Evidence) -> str:
        manifest, parts = evidence.split()
        with writing(self._engine) as connection:
            Blobs(connection).put_all(parts.values())
            return Blobs(connection).put(manifest.canonical())

    def _decide(self, connection: Connection, evaluation: str, evidence_digest: str, instant: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        self._run.record(
            connection, row, Event.EVIDENCE_GATHERED, datetime.fromisoformat(instant), evidence=evidence_digest
        )
        return self._decided(connection, row, Event.DECIDED, evidence_digest, instant)

    def _resume(self, connection: Connection, evaluation: str, former: str) -> Json:
        """Take over the decision of a run that failed in the middle of its discard: there is nothing left to judge."""
        lock(connection)
        runs = Evaluations(connection)
        decision = Decision.parse(Blobs(connection).get(str(runs.get(former).decision_digest)))
        return self._run.decide(connection, runs.get(evaluation), decision, Event.DECIDED, self._clock(), former=former)

    def _reconsider(self, connection: Connection, evaluation: str, evidence_digest: str, instant: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        decided = self._decided(connection, row, Event.RECONSIDERED, evidence_digest, instant)
        if decided["outcome"] == Outcome.PROMOTE.value:
            message = "the same evidence was denied a moment ago"
            raise ConflictError(message, code="decision_unsteady")
        return decided

    def _decided(
        self, connection: Connection, row: Evaluation, event: Event, evidence_digest: str, instant: str
    ) -> Json:
        now = datetime.fromisoformat(instant)
        policy = load_submission(connection, row).policy
        decision = decide(load_evidence(connection, evidence_digest), policy, now)
        self._exceptions.open_drafts(connection, decision, row.id, now=now)
        evidence = "" if event is Event.DECIDED else evidence_digest
        return self._run.decide(connection, row, decision, event, now, evidence=evidence)

    def _plan(self, evaluation: str, decision_digest: str) -> Json:
        submission, decision = self._load(evaluation, decision_digest)
        plan = self._world.plan(submission, decision)
        with writing(self._engine) as connection:
            return {"plan": Blobs(connection).put(plan.canonical())}

    def _intend(self, connection: Connection, evaluation: str, outcome: str, plan: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        self._run.record(connection, row, _INTENT[Outcome(outcome)], self._clock(), plan=plan)
        self._run.move(connection, row, EvaluationState.ACTING)
        return {}

    def _act(self, evaluation: str, decision_digest: str, plan_digest: str) -> Json:
        submission, decision = self._load(evaluation, decision_digest)
        looked: Json = {}
        if decision.outcome is Outcome.PROMOTE:
            # Inside the step that acts: whoever adopts a run whose step was not kept looks again as well.
            looked, outcome = self._look_again(submission, decision)
            if outcome is not Outcome.PROMOTE:
                return looked | {"denied": outcome.value}
        with reading(self._engine) as connection:
            plan = Blobs(connection).get(plan_digest)
        receipt = self._world.act(submission, decision, plan)
        with writing(self._engine) as connection:
            return looked | {"receipt": Blobs(connection).put(receipt.canonical())}

    def _look_again(self, submission: Submission, decision: Decision) -> tuple[Json, Outcome]:
        now = self._clock()
        with reading(self._engine) as connection:
            evidence = load_evidence(connection, decision.evidence)
            grants = self._exceptions.all_grants(connection, submission.policy)
        renewed = self._world.renew(submission, evidence, grants, now=now)
        outcome = decide(renewed, submission.policy, now).outcome
        return {"evidence": self._keep(renewed), "now": format_instant(now)}, outcome

    def _withdraw(self, evaluation: str) -> Json:
        """Take back every promotion that was begun, by this run or by one that failed, the oldest first."""
        with reading(self._engine) as connection:
            row = Evaluations(connection).get(evaluation)
            submission = load_submission(connection, row)
            plans = [Blobs(connection).get(one.plan) for one in begun(connection, row, Event.PROMOTION_INTENDED)]
        taken = [found for found in (self._world.withdraw(submission, plan) for plan in plans) if found is not None]
        if not taken:
            return {}
        with writing(self._engine) as connection:
            # The oldest plan names all that was not there before; a later one can add no more than attachments.
            return {"withdrawal": Blobs(connection).put_all(one.canonical() for one in taken)[0]}

    def _tell(self, evaluation: str, decision_digest: str) -> Json:
        _, decision = self._load(evaluation, decision_digest)
        return {"told": self._world.tell(evaluation, decision)}

    def _told(self, connection: Connection, evaluation: str, told: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        event = Event.NOTIFIED if told in {"sent", "nobody"} else Event.NOTIFICATION_FAILED
        now = self._clock()
        self._run.record(connection, row, event, now, result=told)
        self._run.move(connection, row, EvaluationState.DISCARDED, finished_at=now)
        return {"state": EvaluationState.DISCARDED.value}

    def _conclude(self, connection: Connection, evaluation: str, outcome: str, decision: str, ended: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        state, event = _FINAL[Outcome(outcome)]
        now, facts = self._clock(), json.loads(ended)
        if state is EvaluationState.DISCARDED:
            facts |= enter(connection, row, facts.get("receipt", ""), now=now)
        self._run.record(
            connection, row, event, now, decision=decision, **{name: facts.get(name, "") for name in _FACTS}
        )
        if state is not EvaluationState.DISCARDED:  # open until people were told, so that a killed process is followed
            self._run.move(connection, row, state, finished_at=now)
        return {"state": state.value}

    def _fail(self, evaluation: str, failure: Json) -> Json:
        return self._durable.transaction("fail", self._failed, evaluation, _text(failure))

    def _failed(self, connection: Connection, evaluation: str, text: str) -> Json:
        lock(connection)
        row = Evaluations(connection).get(evaluation)
        failure, now = Failure.parse(text), self._clock()
        detail = Blobs(connection).put(failure.canonical())
        self._run.record(connection, row, Event.FAILED, now, code=failure.code, failure=detail)
        self._run.move(connection, row, EvaluationState.FAILED, error_code=failure.code, finished_at=now)
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


def _text(data: Json) -> str:
    return canonical_json(data).decode()
