"""A thousand images that wait for Defender, a minute at a time; and one image with tens of thousands of rows."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure_world import sim_arm, sim_rows
from azure_world.sim_gate import DIGEST, NOW, connection, inventory
from azure_world.sim_registry import SimRegistry
from azure_world.sim_server import azure_server
from azure_world.sim_state import AzureWorld
from evaluation.worlds import submission
from servers.certificates import for_loopback

from gate.findings.defender import queries
from gate.intake import Intake
from gate.leases import Leases
from gate.model.image import ImageRef
from gate.model.principal import Principal
from gate.policy.schema import DefenderPolicy
from gate.revisit import Revisits
from gate.store.blobs import Blobs
from gate.store.engine import make_engine, writing
from gate.store.evaluations import Evaluation, Evaluations, EvaluationState
from gate.store.schema import upgrade

WAITING, ROWS = 1000, 24_000


class NotStarted:
    """A durable engine that only counts what it is told to start: what waits does not run."""

    def __init__(self) -> None:
        self.started = 0

    def start(self, run: str, *, attempt: int = 1) -> None:
        del run, attempt
        self.started += 1


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


def held(engine: Any, count: int, begun: datetime) -> None:
    """Put images into the database that were held at `begun`, as runs leave them."""
    given = submission()
    for number in range(count):
        with writing(engine) as connection_:
            blobs = Blobs(connection_)
            row = Evaluation(
                id=f"EVL-{number}",
                key=f"{number}",
                state=EvaluationState.SUBMITTED,
                repository=given.ref.place,
                digest="sha256:" + f"{number + 1:064x}",
                environment_digest=blobs.put(given.environment.canonical()),
                policy_digest=blobs.put(given.policy.canonical()),
                requester=Principal(tenant="t", object_id="o"),
                submitted_at=begun,
                first_seen_at=begun,
                lease_owner="w",
                lease_expires_at=begun + timedelta(minutes=1),
            )
            Evaluations(connection_).claim(row, now=begun)
            Evaluations(connection_).move(
                row.id,
                owner="w",
                attempt=1,
                before={EvaluationState.SUBMITTED},
                after=EvaluationState.HELD,
                finished_at=begun,
            )


def measure_waiting(world: AzureWorld, folder: Path) -> None:
    """Let a thousand images wait for a day, a minute at a time, and count what is asked."""
    engine = make_engine(f"sqlite:///{folder}/g.sqlite")
    upgrade(engine)
    start = datetime(2026, 11, 1, tzinfo=UTC)
    held(engine, WAITING, start)
    now = [start]
    durable, news = NotStarted(), Asking(world)
    leases = Leases(engine, owner="w", length=timedelta(minutes=1), clock=lambda: now[0])
    intake = Intake(engine=engine, durable=durable, leases=leases, clock=lambda: now[0])  # type: ignore[arg-type]  # it only counts
    revisits = Revisits(engine=engine, intake=intake, news=news, clock=lambda: now[0])
    before, threads = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, threading.active_count()
    say("minutes | questions to Resource Graph a minute | to the registry a minute | runs begun | seconds of work")
    tracemalloc.start()
    for first, last in ((0, 10), (10, 30), (30, 59)):
        world.asked.clear()
        begun, runs = time.perf_counter(), durable.started
        for minute in range(first, last):
            now[0] = start + timedelta(minutes=minute)
            revisits.once()
        graph = sum("ResourceGraph" in asked for asked in world.asked) / (last - first)
        registry = sum("/referrers/" in asked for asked in world.asked) / (last - first)
        seconds = time.perf_counter() - begun
        say(f"{first}-{last} | {graph:.1f} | {registry:.0f} | {durable.started - runs} | {seconds:.1f}")
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    say(f"{WAITING} waiting: {kept / 1e6:.2f} MB kept, {peak / 1e6:.1f} MB at most by tracemalloc,")
    say(f"  {(after - before) / 1024:.0f} MB more of the process; threads {threads} before")
    say(f"  and {threading.active_count() - _server_threads()} after, the simulator's left out")
    engine.dispose()


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


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate = for_loopback(folder)
        os.environ["REQUESTS_CA_BUNDLE"] = str(certificate.authority)
        with azure_server(certificate, registry=SimRegistry()) as world:
            world.assessments.append(sim_rows.individual("sha256:" + "c" * 64, 999_999))
            measure_waiting(world, folder)
            measure_rows(world)
