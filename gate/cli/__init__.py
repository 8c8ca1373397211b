"""The command line: one small file per subcommand, imported only when it is called."""

from __future__ import annotations

import sys

from gate.cli.run import main

__all__ = ["entry", "main"]


def entry() -> None:
    """Run as a program."""
    sys.exit(main())
