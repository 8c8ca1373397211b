"""The command line: one small file per subcommand, imported only when it is called."""

from __future__ import annotations

from gate.cli.run import main

__all__ = ["main"]
