"""Measure what images cost that wait for Defender, and what tens of thousands of rows about one image cost.

Run it: `python tests/bench/bench_defender.py`. Everything is real but Azure: the database, the client, TLS. It prints
memory, threads and questions a minute, and judges nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))


def main() -> None:
    """Measure both."""
    from bench_world.waiting import main as measured  # noqa: PLC0415 - found only with the path above

    measured()


if __name__ == "__main__":
    main()
