"""`python -m gate` is `gate`: the working directory, which may be a judged project, is no place to import from."""

from __future__ import annotations

import sys

if not sys.flags.safe_path:
    del sys.path[0]

from gate.cli import entry

entry()
