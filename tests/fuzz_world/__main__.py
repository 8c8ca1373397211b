"""`make fuzz`: many mutated definitions, a line for each cause of a fault, exit code 1 if there is one."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from fuzz_world.pool import Fault, fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz_world", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = fuzz(Path(folder), asked.seed, asked.cases, asked.workers, _tell)
    families: dict[str, list[Fault]] = defaultdict(list)
    for fault in outcome.faults:
        families[fault.family].append(fault)
    for family, faults in sorted(families.items(), key=lambda one: -len(one[1])):
        sys.stdout.write(f"\n{len(faults)} x {family}\n  cases {[one.number for one in faults[:8]]}, {faults[0].did}\n")
        sys.stdout.write("".join(f"  | {line}\n" for line in faults[0].told.splitlines()[-14:]))
    took = time.monotonic() - began
    sys.stdout.write(
        f"\nseed {asked.seed}: {outcome.done} of {asked.cases} read to the end, {len(outcome.faults)} faults, "
    )
    sys.stdout.write(f"{took:.0f} s\n")
    return int(bool(outcome.faults) or outcome.done != asked.cases)


def _tell(fault: Fault) -> None:
    sys.stderr.write(f"case {fault.number}: {fault.family}\n")


if __name__ == "__main__":
    sys.exit(main())
