"""Evaluate one image in a process of its own: what the tests kill. Prints the run's final state."""

from __future__ import annotations

import itertools
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from evaluation.worlds import LEASE, FileWorld, NoExceptions, submission

from gate.durable import Durable
from gate.evaluation import EvaluationWorkflow
from gate.intake import Intake
from gate.leases import Leases
from gate.model.principal import Principal
from gate.store.engine import make_engine
from gate.store.schema import upgrade


def clock() -> datetime:
    return datetime.now(UTC)


class DyingAtStart(Durable):
    """Dies between the submission's transaction and the start of its run."""

    world: FileWorld

    def start(self, run: str, *, attempt: int = 1) -> None:
        self.world.at("before:start")
        super().start(run, attempt=attempt)


def main(database: str, folder: str, kill: str, bad: str) -> None:
    engine = make_engine(database)
    upgrade(engine)
    world = FileWorld(Path(folder), kill=kill, bad=bad == "bad")
    asked = itertools.count(1)

    def steps_clock() -> datetime:
        # The workflow asks for the time once in each transaction that records: dying there is dying inside it.
        world.at(f"clock:{next(asked)}")
        return clock()

    executor = f"test-{uuid.uuid4().hex}"
    durable = DyingAtStart(engine, executor=executor)
    durable.world = world
    leases = Leases(engine, owner=executor, length=LEASE, clock=clock)
    workflow = EvaluationWorkflow(
        engine=engine, durable=durable, leases=leases, world=world, exceptions=NoExceptions(), clock=steps_clock
    )
    durable.launch(workflow.run)
    intake = Intake(engine=engine, durable=durable, leases=leases, clock=clock)
    row = intake.submit(submission(), Principal(tenant="t", object_id="o"))
    row = intake.wait(row.id)
    print(row.id, row.state.value, row.attempt, flush=True)  # noqa: T201 - what the test reads
    durable.close()
    engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
