"""`python -m gate` is `gate`: the working directory, which may be a judged project, is no place to import from."""

from __future__ import annotations

import sys

if not sys.flags.safe_path:
    del sys.path[0]

from gate.cli import entry  # noqa: E402 - after the line above, or it would be too late

entry()
