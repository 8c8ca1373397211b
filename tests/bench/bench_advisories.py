"""Time the audit of 155 pins against 2,661 advisories beside pip-audit's command line over a local OSV server.

Run it: `GATE_DATA=… python tests/bench/bench_advisories.py [ROUNDS]`. The server is part of it, in a process of its
own: it holds the same advisories in memory and answers what it was asked before with the bytes of then. The two take
turns, and take turns at who is first. Three things are timed apart, each as a ratio to pip-audit in the same round:
*cold*, by a source that has read nothing of the snapshot yet; *new*, pins that this process never judged; *again*, the
same pins as in the round before, as they come with the next image. At most a tenth is the aim, for the second and the
third in each round. Before that stands what a process pays once: the import, and the first audit with pip-audit's own.
Other findings than pip-audit's end it with an error; times are printed and not judged, for a loaded machine proves
nothing. Without `GATE_DATA` nothing is measured, and it says so.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from gate.model.finding import SourceReport
    from gate.model.image import Inventory
    from gate.store.reference import StoredReferenceData

sys.path.insert(0, str(Path(__file__).parent.parent))

ROUNDS = 6
AIM = 0.1


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def seconds(action: Callable[[], object]) -> float:
    """Return how long the action took on the clock."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _serve(told: Connection) -> None:
    """Run the server in a process of its own until the other end is closed."""
    from findings.osv_server import osv_server  # noqa: PLC0415 - found only with the path above
    from findings.test_findings_pip_audit import real_records  # noqa: PLC0415 - as above

    with osv_server(real_records()) as url:
        told.send(url)
        told.poll(None)


@contextmanager
def server() -> Iterator[str]:
    """Run the server and yield its address: its memory and its work are none of the gate's."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("")
        process.join()


def main(rounds: int) -> None:
    """Print the times of both, round by round, after holding their findings to each other."""
    from data.reference_files import reference_file  # noqa: PLC0415 - found only with the path above
    from findings.findings_world import component, image  # noqa: PLC0415 - as above
    from findings.test_findings_pip_audit import (  # noqa: PLC0415 - as above
        hold,
        real_pins,
        real_records,
        told_by_pip_audit,
    )

    from gate.cli.serve import collect_rarely  # noqa: PLC0415 - as above
    from gate.data.importer import import_file  # noqa: PLC0415 - as above
    from gate.data.interface import DataKind  # noqa: PLC0415 - as above
    from gate.findings.advisories.source import AdvisorySource  # noqa: PLC0415 - as above
    from gate.store.engine import make_engine  # noqa: PLC0415 - as above
    from gate.store.reference import StoredReferenceData  # noqa: PLC0415 - as above
    from gate.store.schema import upgrade  # noqa: PLC0415 - as above

    now, records = datetime.now(UTC), real_records()
    pins, read = real_pins(records), len(records)
    del records
    gc.collect()
    with tempfile.TemporaryDirectory() as name, server() as url:
        folder = Path(name)
        engine = make_engine(f"sqlite:///{folder / 'gate.sqlite'}")
        upgrade(engine)
        kept, file = StoredReferenceData(engine), reference_file("osv-pypi.jsonl.gz")
        once = seconds(lambda: import_file(DataKind.OSV_PYPI, file, into=kept, source="pypa", now=now))
        say(f"import of {read} advisories into SQLite: {once:.2f} s")
        source, judged = AdvisorySource(kept), image(*(component(*pin) for pin in pins.items()))

        def theirs() -> dict[str, list[dict[str, Any]]]:
            return told_by_pip_audit(pins, url, folder)

        collect_rarely()  # as `gate serve` does
        say(
            f"first audit of a process, with loading pip-audit: {seconds(lambda: source.report(judged, now=now)):.2f} s"
        )
        agreed = hold(source.report(judged, now=now), theirs())
        say(f"{agreed} findings on {len(pins)} pins, the same as pip-audit's command line")
        ours = _Ours(kept, source, judged, now)
        ratios = [_round(number, ours, theirs, pins) for number in range(rounds)]
        engine.dispose()
    for place, kind in enumerate(("cold", "new", "again")):
        each = [one[place] for one in ratios]
        say(f"{kind}: ratio median {statistics.median(each):.3f}, {min(each):.3f} to {max(each):.3f}; aim {AIM}")


class _Ours:
    """The gate's three ways to be asked."""

    def __init__(self, kept: StoredReferenceData, source: Any, judged: Inventory, now: datetime) -> None:
        self._kept, self._source, self._judged, self._now = kept, source, judged, now

    def cold(self) -> SourceReport:
        """Ask a source that has read nothing."""
        from gate.findings.advisories.source import AdvisorySource  # noqa: PLC0415 - as above

        return AdvisorySource(self._kept).report(self._judged, now=self._now)

    def new(self, number: int, pins: dict[str, str]) -> SourceReport:
        """Ask about the same packages in a spelling of their versions that was never asked about: another build."""
        from findings.findings_world import component, image  # noqa: PLC0415 - as above

        others = image(*(component(name, f"{version}+build.{number}") for name, version in pins.items()))
        return self._source.report(others, now=self._now)  # type: ignore[no-any-return]  # a source's report

    def again(self) -> SourceReport:
        """Ask about pins that were judged before."""
        return self._source.report(self._judged, now=self._now)  # type: ignore[no-any-return]  # as above


def _round(number: int, ours: _Ours, theirs: Callable[[], object], pins: dict[str, str]) -> tuple[float, float, float]:
    asked = (ours.cold, lambda: ours.new(number, pins), ours.again)
    if number % 2:
        theirs_took = seconds(theirs)
        took = [seconds(one) for one in asked]
    else:
        took = [seconds(one) for one in asked]
        theirs_took = seconds(theirs)
    cold, new, again = (one / theirs_took for one in took)
    said = ", ".join(f"{kind} {one:.3f} s" for kind, one in zip(("cold", "new", "again"), took, strict=True))
    say(f"round {number + 1}: gate {said}; pip-audit {theirs_took:.3f} s; ratios {cold:.3f} {new:.3f} {again:.3f}")
    return cold, new, again


if __name__ == "__main__":
    if os.environ.get("GATE_DATA"):
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    else:
        say("not measured: GATE_DATA names no folder with the advisories")
