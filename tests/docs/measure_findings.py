"""Measure what docs/findings.md quotes: `GATE_DATA=… PYTHONPATH=tests python tests/docs/measure_findings.py`.

It prints; it asserts nothing, for a loaded machine proves nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from data.reference_files import reference_file
from findings.findings_world import component, image
from findings.osv_server import osv_server
from findings.test_findings_pip_audit import real_pins, real_records, told_by_pip_audit

from gate.data.importer import import_file
from gate.data.interface import DataKind
from gate.findings.advisories.source import AdvisorySource
from gate.store.engine import make_engine
from gate.store.reference import StoredReferenceData
from gate.store.schema import upgrade

ROUNDS = 6


def seconds(action: Callable[[], object]) -> float:
    """Return how long the action took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def spread(name: str, times: list[float]) -> None:
    """Print the shortest and the longest of some times."""
    sys.stdout.write(f"{name}: {min(times):.2f} to {max(times):.2f} s in {len(times)} round(s)\n")


def main() -> None:
    """Measure an import, six audits in this process, and six runs of pip-audit's command line."""
    now, records = datetime.now(UTC), real_records()
    pins = real_pins(records)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = make_engine(f"sqlite:///{folder / 'gate.sqlite'}")
        upgrade(engine)
        kept, file = StoredReferenceData(engine), reference_file("osv-pypi.jsonl.gz")
        imported = seconds(lambda: import_file(DataKind.OSV_PYPI, file, into=kept, source="pypa", now=now))
        spread(f"import of {len(records)} advisories into SQLite", [imported])
        source, judged = AdvisorySource(kept), image(*(component(*pin) for pin in pins.items()))
        source.report(judged, now=now)  # pip-audit is imported by the first
        spread(f"audit of {len(pins)} pins", [seconds(lambda: source.report(judged, now=now)) for _ in range(ROUNDS)])
        with osv_server(records) as url:
            times = [seconds(lambda: told_by_pip_audit(pins, url, folder)) for _ in range(ROUNDS)]
        spread("pip-audit's command line", times)
        engine.dispose()


if __name__ == "__main__":
    main()
