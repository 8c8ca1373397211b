"""Text that others wrote, made fit to be shown, stored and recorded."""

from __future__ import annotations

from gate.model.quiet import quiet
from gate.model.redact import redact


def plain(text: str) -> str:
    """Return the text in one line, secrets hidden, nothing in it that does not print or that a pipeline would obey."""
    return quiet(redact(" ".join("".join(char if char.isprintable() else " " for char in text).split())))
