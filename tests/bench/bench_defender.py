"""Measure what images cost that wait for Defender, and what tens of thousands of rows about one image cost.

Run it: `python tests/bench/bench_defender.py [IMAGES]`. Everything is real but Azure and what is gathered of an image:
the database, the durable engine and its runs, the client, TLS. It prints memory, threads and questions a minute, and
judges nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))


IMAGES = 1000


def main(images: int) -> None:
    """Measure both."""
    from bench_world.waiting import main as measured  # noqa: PLC0415 - found only with the path above

    measured(images)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
