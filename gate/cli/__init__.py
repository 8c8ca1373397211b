"""The command line: one small file per subcommand, imported only when it is called."""

from __future__ import annotations

import io
import sys

from gate.cli.run import main

__all__ = ["entry", "main"]


def entry() -> None:
    """Run as a program."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's alphabet can't write must not end a verdict in a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
