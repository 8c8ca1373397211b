"""Time the audit of 155 pins against 2,661 advisories beside pip-audit's command line over a local OSV server.

Run it: `GATE_DATA=… python tests/bench/bench_advisories.py [ROUNDS]`. The server is part of it: it holds the same
advisories in memory and answers what it was asked before with the bytes of then. The two take turns, and take turns at
who is first. It prints the times of each round on the clock and the median of the rounds' ratios (at most a tenth is
the aim), and what a process pays once: the import, and the first audit, which loads pip-audit and reads the records.
Other findings than pip-audit's end it with an error; times are printed and not judged, for a loaded machine proves
nothing. Without `GATE_DATA` nothing is measured, and it says so.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.model.finding import SourceReport

sys.path.insert(0, str(Path(__file__).parent.parent))

ROUNDS = 5
AIM = 0.1


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def seconds(action: Callable[[], object]) -> float:
    """Return how long the action took on the clock."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main(rounds: int) -> None:
    """Print the times of both, round by round, after holding their findings to each other."""
    from data.reference_files import reference_file  # noqa: PLC0415 - found only with the path above
    from findings.findings_world import component, image  # noqa: PLC0415 - as above
    from findings.osv_server import osv_server  # noqa: PLC0415 - as above
    from findings.test_findings_pip_audit import (  # noqa: PLC0415 - as above
        hold,
        real_pins,
        real_records,
        told_by_pip_audit,
    )

    from gate.data.importer import import_file  # noqa: PLC0415 - as above
    from gate.data.interface import DataKind  # noqa: PLC0415 - as above
    from gate.findings.advisories.source import AdvisorySource  # noqa: PLC0415 - as above
    from gate.store.engine import make_engine  # noqa: PLC0415 - as above
    from gate.store.reference import StoredReferenceData  # noqa: PLC0415 - as above
    from gate.store.schema import upgrade  # noqa: PLC0415 - as above

    now, records = datetime.now(UTC), real_records()
    pins = real_pins(records)
    with tempfile.TemporaryDirectory() as name, osv_server(records) as url:
        folder = Path(name)
        engine = make_engine(f"sqlite:///{folder / 'gate.sqlite'}")
        upgrade(engine)
        kept, file = StoredReferenceData(engine), reference_file("osv-pypi.jsonl.gz")
        once = seconds(lambda: import_file(DataKind.OSV_PYPI, file, into=kept, source="pypa", now=now))
        say(f"import of {len(records)} advisories into SQLite: {once:.2f} s")
        source, judged = AdvisorySource(kept), image(*(component(*pin) for pin in pins.items()))

        def ours() -> SourceReport:
            return source.report(judged, now=now)

        def theirs() -> dict[str, list[dict[str, Any]]]:
            return told_by_pip_audit(pins, url, folder)

        say(f"first audit of a process: {seconds(ours):.2f} s")
        say(f"{hold(ours(), theirs())} findings on {len(pins)} pins, the same as pip-audit's command line")
        ratios = [_round(number, ours, theirs) for number in range(rounds)]
        engine.dispose()
    say(f"ratio: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}; aim {AIM}")


def _round(number: int, ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    if number % 2:
        theirs_took, ours_took = seconds(theirs), seconds(ours)
    else:
        ours_took, theirs_took = seconds(ours), seconds(theirs)
    ratio = ours_took / theirs_took
    say(f"round {number + 1}: gate {ours_took:.3f} s, pip-audit {theirs_took:.3f} s, ratio {ratio:.3f}")
    return ratio


if __name__ == "__main__":
    if os.environ.get("GATE_DATA"):
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    else:
        say("not measured: GATE_DATA names no folder with the advisories")
