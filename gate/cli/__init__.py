"""The command line: one small file per subcommand, imported only when it is called."""

from __future__ import annotations

import gc
import io
import os
import sys

from gate.cli.run import INTERRUPTED, main

__all__ = ["entry", "main"]


def entry() -> None:
    """Run as a program."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's alphabet can't write must not end a verdict in a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Nothing that happens to be installed hooks into what is parsed; looking for it reads every package's metadata.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code = main()
    gc.freeze()  # the end comes: what is left need not be looked through for rings once more
    if code == INTERRUPTED:
        # At its end Python would wait for the step of an evaluation that is under way. Whoever goes on with it does it
        # again; whoever interrupted does not wait for it.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
