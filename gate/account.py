"""The account of one evaluation, for people and programs: what was decided, why, what to do, what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from gate.graveyard import Kept, kept
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.ledger.record import Event
from gate.model.base import Instant, Value
from gate.model.decision import Decision, Outcome, Status
from gate.model.digest import Digest
from gate.model.failure import Failure
from gate.policy.decide import OWN, OWN_CODES
from gate.policy.explain import explain
from gate.policy.rules import ALL
from gate.policy.sets import ALL as SET_RULES
from gate.store.blobs import Blobs
from gate.store.engine import reading
from gate.store.evaluations import Evaluation, Evaluations, EvaluationState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection, Engine

    from gate.model.decision import RuleResult

EXIT = {Outcome.PROMOTE: 0, Outcome.DISCARD: 10, Outcome.HOLD: 11}
"""The exit code of each outcome."""

CANNOT_DECIDE = 12
STILL_OPEN = EXIT[Outcome.HOLD]

DRY_RUN = "dry_run"
State = Literal["submitted", "gathering", "decided", "acting", "promoted", "discarded", "held", "failed", "dry_run"]
"""How far an evaluation is: the states of the store, a test holds them together, and the one that is never kept."""

_ENDED = {
    EvaluationState.PROMOTED: Outcome.PROMOTE,
    EvaluationState.DISCARDED: Outcome.DISCARD,
    EvaluationState.HELD: Outcome.HOLD,
}
_RECEIPTS = {EvaluationState.PROMOTED: Event.PROMOTED, EvaluationState.DISCARDED: Event.DISCARDED}


class Reason(Value):
    """One rule's result in words. `way_out` says what to do; `request` is the exception request that would lift it.

    `image` and `platform` name the image of an index that it is about; nothing if it is about all, or there is one.
    """

    rule: str
    status: Status
    code: str
    subject: str = ""
    reason: str
    way_out: str = ""
    request: str = ""
    image: Digest | None = None
    platform: str = ""


class Account(Value):
    """One evaluation as it stands.

    Attributes:
        id: under which the ledger has it; a dry run's begins with `DRY-` and is that of no evaluation.
        state: how far it is; `dry_run` if it is recorded as intent alone and nothing will be done.
        outcome: what was decided and done. Decided alone, it stands in `decision`.
        reasons: what failed first, then what is unknown, then warnings, then passes.
        receipt: what was read back from the registry after acting; for a dry run the plan.
        kept: what became of a discarded image's bytes: hidden until when, held by whom, or deleted, and what of that
            its registry can recover.
        exit_code: what a pipeline step ends with. It follows from the rest, or this is no account.
    """

    model_config = ConfigDict(title="gate.evaluation/1")

    version: Literal["gate.evaluation/1"] = Field(default="gate.evaluation/1", alias="schema")
    id: str = ""
    state: State
    outcome: Outcome | None = None
    repository: str
    tag: str = ""
    digest: Digest | None = None
    submitted_at: Instant | None = None
    finished_at: Instant | None = None
    exit_code: int
    reasons: tuple[Reason, ...] = ()
    requests: tuple[str, ...] = ()
    failure: Failure | None = None
    receipt: dict[str, Any] = Field(default_factory=dict)
    kept: Kept | None = None
    decision_digest: Digest | None = None
    decision: Decision | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Account:
        if self.state != DRY_RUN and self.outcome != _ENDED.get(EvaluationState(self.state)):
            message = "state and outcome contradict each other"
            raise ValueError(message)
        if self.outcome is not None and (self.decision is None or self.decision.outcome is not self.outcome):
            message = "an outcome needs the decision that led to it"
            raise ValueError(message)
        if self.decision is not None and self.decision.subject != self.digest:
            message = "the decision is about another digest"
            raise ValueError(message)
        if (self.failure is not None) != (self.state == "failed"):
            message = "what failed says why, and nothing else does"
            raise ValueError(message)
        if self.exit_code != _exit_code(self.outcome, self.failure):
            message = "the exit code is not that of the outcome"
            raise ValueError(message)
        return self


def account_of(engine: Engine, run: str) -> Account:
    """Give the account of a run; NotFoundError if there is none of that id."""
    with reading(engine) as connection:
        row = Evaluations(connection).get(run)
        decision = None
        if row.decision_digest is not None:
            decision = Decision.parse(Blobs(connection).get(row.decision_digest))
        failure = _failure(connection, row)
        receipt = _receipt(connection, row)
        left = kept(connection, row, receipt)
    outcome = _ENDED.get(row.state)
    return Account(
        id=row.id,
        state=row.state.value,
        outcome=outcome,
        repository=row.repository,
        tag=row.tag,
        digest=row.digest,
        submitted_at=row.submitted_at,
        finished_at=row.finished_at,
        exit_code=_exit_code(outcome, failure),
        reasons=reasons(decision.results) if decision else (),
        requests=decision.requests if decision else (),
        failure=failure,
        receipt=receipt,
        kept=left,
        decision_digest=row.decision_digest,
        decision=decision,
    )


def account_of_dry_run(run: str, repository: str, tag: str, decision: Decision, plan: Value | None) -> Account:
    """Give the account of a decision that nobody acts on; `run` is the id of its record (`DRY-…`)."""
    return Account(
        id=run,
        state=DRY_RUN,
        outcome=decision.outcome,
        repository=repository,
        tag=tag,
        digest=decision.subject,
        exit_code=EXIT[decision.outcome],
        reasons=reasons(decision.results),
        requests=decision.requests,
        receipt=plan.model_dump(mode="json") if plan else {},
        decision_digest=decision.fingerprint(),
        decision=decision,
    )


def _exit_code(outcome: Outcome | None, failure: Failure | None) -> int:
    if failure is not None:
        return CANNOT_DECIDE  # whatever code the error has elsewhere: a run that failed is no verdict
    return STILL_OPEN if outcome is None else EXIT[outcome]


def reasons(results: Iterable[RuleResult]) -> tuple[Reason, ...]:
    """Put results into words, what blocks first."""
    codes = {rule.id: rule.codes for rule in SET_RULES} | {rule.id: rule.codes for rule in ALL} | {OWN: OWN_CODES}
    order = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.PASS)
    spoken = []
    for answer in sorted(results, key=lambda answer: order.index(answer.status)):
        words = explain(codes.get(answer.rule, {}), answer.code, answer.params)
        spoken.append(
            Reason(
                rule=answer.rule,
                status=answer.status,
                code=answer.code,
                subject=answer.subject,
                reason=words.reason,
                way_out=words.way_out,
                request=answer.request,
                image=answer.image,
                platform=answer.platform,
            )
        )
    return tuple(spoken)


def _failure(connection: Connection, row: Evaluation) -> Failure | None:
    if row.state is not EvaluationState.FAILED:
        return None
    digest = _fact(connection, row.id, Event.FAILED, "failure")
    if not digest:
        return Failure(code=row.error_code or "unknown", message="the evaluation failed", exit_code=CANNOT_DECIDE)
    return Failure.parse(Blobs(connection).get(digest))


def _receipt(connection: Connection, row: Evaluation) -> dict[str, Any]:
    event = _RECEIPTS.get(row.state)
    digest = _fact(connection, row.id, event, "receipt") if event else ""
    if not digest:
        return {}
    receipt: dict[str, Any] = json.loads(Blobs(connection).get(digest))
    return receipt


def _fact(connection: Connection, run: str, event: Event, name: str) -> str:
    entries = LedgerReader(connection).find(LedgerFilter(evaluation=run, event=event))
    return entries[-1].record.facts.get(name, "") if entries else ""
