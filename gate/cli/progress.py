"""Show people that something is going on: on stderr, after a second, and never in a pipe."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE_SECONDS = 1.0


@contextmanager
def progress(text: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner with a text that can be changed, if stderr is a terminal and the block takes over a second."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.text import Text  # noqa: PLC0415

    # As text, not as markup: what is shown may have brackets.
    status = Console(stderr=True).status(Text(text))
    timer = threading.Timer(_PATIENCE_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda changed: status.update(Text(changed))
    finally:
        timer.cancel()
        timer.join()  # else a spinner that starts in this moment would spin for ever
        status.stop()
