"""A thousand images that wait for Defender, a minute at a time; and one image with tens of thousands of rows."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from azure_world import sim_arm, sim_rows
from azure_world.sim_gate import DIGEST, NOW, connection, inventory
from azure_world.sim_registry import SimRegistry
from azure_world.sim_server import azure_server
from azure_world.sim_state import AzureWorld
from evaluation.worlds import FileWorld, NoExceptions, evidence, sources, submission
from servers.certificates import for_loopback

from gate.durable import Durable
from gate.evaluation import EvaluationWorkflow, Submission
from gate.findings.defender import queries
from gate.intake import Intake
from gate.leases import Leases
from gate.model.finding import ScanState, SourceReport
from gate.model.image import ImageRef
from gate.model.principal import Principal
from gate.policy.schema import DefenderPolicy
from gate.revisit import Revisits
from gate.store.engine import make_engine, reading
from gate.store.evaluations import OPEN, EvaluationState
from gate.store.schema import upgrade
from gate.store.tables import evaluations

if TYPE_CHECKING:
    from gate.model.evidence import Evidence
    from gate.model.exception import Grant


ROWS = 24_000


class Unscanned(FileWorld):
    """Every image of it waits: Defender has not looked at any."""

    def at(self, point: str) -> None:
        del point

    def gather(self, given: Submission, grants: Sequence[Grant], *, submitted_at: datetime, now: datetime) -> Evidence:
        digest = str(given.ref.digest)
        unknown = SourceReport(source="defender", subject=digest, state=ScanState.NOT_SCANNED)
        reports = (unknown, sources(digest, now)[1])
        return evidence(given, grants, submitted_at=submitted_at, now=now, reports=reports)


class Asking:
    """News by the real clients, with a count of the questions; the repository of the simulator stands for all."""

    def __init__(self, world: AzureWorld) -> None:
        self._world = world
        self._waiting = connection(world).waiting()
        self._place = inventory(world).image.repository
        self.seconds = 0.0

    def of(self, refs: Sequence[ImageRef]) -> frozenset[str]:
        begun = time.perf_counter()
        found = self._waiting.of([ImageRef.of_place(self._place, digest=ref.digest) for ref in refs])
        self.seconds += time.perf_counter() - begun
        return found


class Service:
    """What a service has: the database, the durable engine, the workflow, and the looker for news. Its clock is set."""

    def __init__(self, folder: Path, world: AzureWorld) -> None:
        self.now = datetime(2026, 11, 1, tzinfo=UTC)
        self.engine = make_engine(f"sqlite:///{folder}/g.sqlite")
        upgrade(self.engine)
        self.durable = Durable(self.engine, executor="bench")
        leases = Leases(self.engine, owner="bench", length=timedelta(minutes=10), clock=self.clock)
        self.workflow = EvaluationWorkflow(
            engine=self.engine,
            durable=self.durable,
            leases=leases,
            world=Unscanned(folder),
            exceptions=NoExceptions(),
            clock=self.clock,
        )
        self.intake = Intake(engine=self.engine, durable=self.durable, leases=leases, clock=self.clock)
        self.news = Asking(world)
        self.revisits = Revisits(engine=self.engine, intake=self.intake, news=self.news, clock=self.clock)

    def clock(self) -> datetime:
        """Return the time that the bench says it is."""
        return self.now

    def settle(self) -> None:
        """Wait until no run is under way."""
        while self.count(OPEN):
            time.sleep(0.02)

    def count(self, states: Collection[EvaluationState]) -> int:
        """Count the runs in some states."""
        wanted = evaluations.c.state.in_([state.value for state in states])
        with reading(self.engine) as connection_:
            return connection_.execute(sa.select(sa.func.count()).where(wanted)).scalar_one()


def measure_waiting(world: AzureWorld, folder: Path, images: int) -> None:
    """Submit images that then wait, and look for news a minute at a time until each had a second run."""
    service = Service(folder, world)
    service.durable.launch(service.workflow.run)
    try:
        _submitted(service, images)
        _waited(service, world, images)
        _again(service, images)
    finally:
        service.durable.close()
        service.engine.dispose()
    size = sum(path.stat().st_size for path in folder.glob("*.sqlite*"))
    say(f"databases: {size / 1e6:.1f} MB after two runs of each image")


def _submitted(service: Service, images: int) -> None:
    begun, given = time.perf_counter(), submission()
    for number in range(images):
        ref = given.ref.at("sha256:" + f"{number + 1:064x}")
        service.intake.submit(given.model_copy(update={"ref": ref}), Principal(tenant="t", object_id="o"))
        if number % 50 == 49:  # as many as one turn begins
            service.settle()
    service.settle()
    seconds = time.perf_counter() - begun
    held = service.count({EvaluationState.HELD})
    say(f"{held} of {images} images held by real runs in {seconds:.0f} s, {1000 * seconds / images:.0f} ms each")


def _waited(service: Service, world: AzureWorld, images: int) -> None:
    start, threads, resident = service.now, _threads(), _resident()
    say("minutes | questions to Resource Graph a minute | to the registry a minute | runs begun | seconds of work")
    tracemalloc.start()
    for first, last in ((0, 10), (10, 30), (30, 59)):
        world.asked.clear()
        begun, runs = time.process_time(), 0
        for minute in range(first, last):
            service.now = start + timedelta(minutes=minute)
            runs += service.revisits.once()
        graph = sum("ResourceGraph" in asked for asked in world.asked) / (last - first)
        registry = sum("/referrers/" in asked for asked in world.asked) / (last - first)
        say(f"{first}-{last} | {graph:.1f} | {registry:.0f} | {runs} | {time.process_time() - begun:.1f}")
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    say(f"{images} waiting: {kept / 1e6:.2f} MB kept, {peak / 1e6:.1f} MB at most by tracemalloc;")
    say(f"  resident {resident:.0f} MB before and {_resident():.0f} MB after, the simulator among it;")
    say(f"  threads {threads} before and {_threads()} after, the simulator's left out")


def _again(service: Service, images: int) -> None:
    """Let the hour be over after which a run looks anyway: at most fifty begin in a turn."""
    begun, start, turns, runs, most = time.perf_counter(), service.now, 0, 0, 0
    while runs < images and turns < images:
        turns += 1
        service.now = start + timedelta(minutes=1 + turns)
        runs += service.revisits.once()
        most = max(most, _threads())
        service.settle()
    seconds = time.perf_counter() - begun
    say(f"second runs: {runs} in {turns} turns, {1000 * seconds / max(runs, 1):.0f} ms each, threads at most {most};")
    service.settle()
    say(f"  threads {_threads()} after, resident {_resident():.0f} MB, open runs {service.count(OPEN)}")


def _threads() -> int:
    return threading.active_count() - _server_threads()


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _server_threads() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def measure_rows(world: AzureWorld) -> None:
    """Read all rows of one digest, and say how long it took and how much memory it needed at most."""
    source, there = connection(world).source(DefenderPolicy()), inventory(world)
    source.report(there, now=NOW)
    world.assessments.extend(sim_rows.individual(DIGEST, number, severity="Unknown") for number in range(ROWS))
    sim_arm.prepare(world, queries.about_digest(DIGEST), 1000)
    begun = time.perf_counter()
    report = source.report(there, now=NOW)
    seconds = time.perf_counter() - begun
    found = len(report.findings)
    del report
    tracemalloc.start()
    source.report(there, now=NOW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    say(f"{ROWS} rows of one digest over {len(world.prepared)} pages: {found} findings in {seconds:.1f} s,")
    say(f"  {peak / 1e6:.1f} MB at most by tracemalloc")


def main(images: int) -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate = for_loopback(folder)
        os.environ["REQUESTS_CA_BUNDLE"] = str(certificate.authority)
        with azure_server(certificate, registry=SimRegistry()) as world:
            world.assessments.append(sim_rows.individual("sha256:" + "c" * 64, 999_999))
            measure_waiting(world, folder, images)
            measure_rows(world)
