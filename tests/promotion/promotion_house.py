"""Whole evaluations over any registry, in one process that can die at any moment: what the fault tables run.

Everything is production code but three things: what was found (a verdict that a test sets), the clock, and the durable
engine, which keeps the results of steps in memory: DBOS takes a second to start and a test kills it a thousand times.
`tests/evaluation/test_evaluation_killed.py` kills the real one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from evaluation.worlds import NOW, NoExceptions, evidence
from evaluation.worlds import submission as submission_of

from gate.bounds import ImageBounds
from gate.errors import ConflictError
from gate.evaluation import EvaluationWorkflow, Submission
from gate.intake import Intake
from gate.leases import Leases
from gate.model.image import Component, ImageRef, Proof, ProofLevel, Transport
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.policy.schema import Policy, Promotion
from gate.store.engine import reading, writing
from gate.store.evaluations import Evaluation, Evaluations, EvaluationState
from gate.world import RealWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.engine import Engine

    from gate.durable import Durable
    from gate.exceptions.storage import PrivateStorage
    from gate.model.decision import Decision
    from gate.model.evidence import Evidence
    from gate.model.exception import Grant
    from gate.promotion.bills import Bills
    from gate.promotion.statement import StatementSigner
    from gate.registry.interface import ImageWriter

WHO = Principal(tenant="t", object_id="o")
LEASE = timedelta(seconds=60)
SETTLED = frozenset({EvaluationState.PROMOTED, EvaluationState.DISCARDED, EvaluationState.HELD})
GOOD, BAD, UNKNOWN = "good", "bad", "unknown"
Json = dict[str, Any]


class Killed(BaseException):
    """The process ends here."""


class KeptSteps:
    """Stands in for the durable engine: a run that is taken up again gets the kept results and does what is left.

    `dead` is asked after each step: a process that died inside it kept nothing, whatever the step had changed outside.
    """

    def __init__(self, engine: Engine, kept: dict[tuple[str, int], str]) -> None:
        """Share what was kept with the processes before and after."""
        self._engine = engine
        self._kept = kept
        self._numbers: Iterator[int] = itertools.count()
        self._run = ""
        self.dead: Callable[[], bool] = lambda: False

    def begin(self, run: str) -> None:
        """Take a run up from its first step."""
        self._run, self._numbers = run, itertools.count()

    def start(self, run: str, *, attempt: int = 1) -> None:
        """Leave it to the test to carry the run out."""

    adopt = start

    def step(self, name: str, function: Callable[..., Json], *arguments: str) -> Json:
        """Return the kept result, or run the function and keep its result."""
        del name
        return self._once(lambda: function(*arguments))

    def transaction(self, name: str, function: Callable[..., Json], *arguments: str) -> Json:
        """As `step`, inside a transaction."""
        del name

        def within() -> Json:
            with writing(self._engine) as connection:
                return function(connection, *arguments)

        return self._once(within)

    def _once(self, work: Callable[[], Json]) -> Json:
        key = (self._run, next(self._numbers))
        if key not in self._kept:
            try:
                made = json.dumps(work())
            finally:
                if self.dead():
                    raise Killed
            self._kept[key] = made
        kept: Json = json.loads(self._kept[key])
        return kept


class JudgedWorld(RealWorld):
    """The real world, in which the test says what is found: at first, and by the look before the act."""

    found, later = GOOD, GOOD

    def gather(
        self, submission: Submission, grants: Sequence[Grant], *, submitted_at: datetime, now: datetime
    ) -> Evidence:
        self._store(submission.ref).manifest(submission.ref)  # what is gone can't be looked at
        return _found(self.found, submission, grants, submitted_at, now)

    def renew(self, submission: Submission, evidence: Evidence, grants: Sequence[Grant], *, now: datetime) -> Evidence:
        return _found(self.later, submission, grants, evidence.submitted_at, now)


def _found(
    verdict: str, submission: Submission, grants: Sequence[Grant], submitted_at: datetime, now: datetime
) -> Evidence:
    component = None
    if verdict == BAD:
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
    reports = () if verdict == UNKNOWN else None
    return evidence(submission, grants, submitted_at=submitted_at, now=now, component=component, reports=reports)


class Silent:
    """Tells everybody."""

    def tell(self, evaluation: str, decision: Decision) -> str:
        del evaluation, decision
        return "sent"


class House:
    """One gate after the other over one database and one registry. `now` is moved by the tests."""

    def __init__(
        self, engine: Engine, store: ImageWriter, *, signer: StatementSigner | None = None, bills: Bills | None = None
    ) -> None:
        self.engine = engine
        self.now = NOW
        self.kept: dict[tuple[str, int], str] = {}
        self.world = JudgedWorld(
            stores={Transport.REGISTRY: store},
            index=lambda _: None,
            sources=lambda _: (),
            storage=cast("PrivateStorage", None),
            notifier=Silent(),
            bounds=ImageBounds(),
            signer=signer,
            bills=bills,
        )
        self._processes = itertools.count(1)

    def process(self, name: str = "process") -> Process:
        """Start another process."""
        return Process(self, f"{name}-{next(self._processes)}")

    def tick(self) -> datetime:
        """Tell the time; it goes on."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def settle(self, given: Submission, *, most: int = 8) -> Evaluation:
        """Submit until the outcome stands, as the next runs of a pipeline would."""
        for _ in range(most):
            row = self.attempt(given)
            if row.state in SETTLED:
                return row
        message = f"not settled after {most} tries: {row.state} {row.error_code}"
        raise AssertionError(message)

    def attempt(self, given: Submission, *, dead: Callable[[], bool] = lambda: False) -> Evaluation:
        """Submit once in a process of its own, which may die; return how the run stands then."""
        process = self.process()
        process.steps.dead = dead
        row = process.intake.submit(given, WHO)
        with contextlib.suppress(Killed, ConflictError):
            process.carry_out(row.id)
        with reading(self.engine) as connection:
            row = Evaluations(connection).get(row.id)
        self.now += 2 * LEASE  # whoever comes next finds the lease of a dead process lapsed
        return row


class Process:
    """What one process is made of."""

    def __init__(self, house: House, name: str) -> None:
        self.steps = KeptSteps(house.engine, house.kept)
        durable = cast("Durable", self.steps)
        leases = Leases(house.engine, owner=name, length=LEASE, clock=house.tick)
        self._workflow = EvaluationWorkflow(
            engine=house.engine,
            durable=durable,
            leases=leases,
            world=house.world,
            exceptions=NoExceptions(),
            clock=house.tick,
        )
        self.intake = Intake(engine=house.engine, durable=durable, leases=leases, clock=house.tick)

    def carry_out(self, run: str) -> None:
        """Carry a run out, or on."""
        self.steps.begin(run)
        self._workflow.run(run)


@cache
def policy_for(root: str) -> Policy:
    """Return the policy of the worlds, with the places `<root>/staging` and `<root>/release`."""
    known = _known().policy
    places = (Promotion(staging=f"{root}/staging", release=f"{root}/release"),)
    return known.model_copy(update={"decision": known.decision.model_copy(update={"promotion": places})})


def submission_for(ref: ImageRef) -> Submission:
    """Submit a pinned ref of `<root>/staging/…`."""
    return _known().model_copy(update={"ref": ref, "policy": policy_for(ref.place.partition("/staging/")[0])})


@cache
def _known() -> Submission:
    return submission_of()
