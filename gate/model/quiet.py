"""Keep what was judged from speaking to a pipeline's agent: it obeys commands in whatever a step prints.

Sources: Azure Pipelines "Logging commands" (`##vso[…]` anywhere in a line, `##[…]`), GitHub Actions "Workflow
commands" (`::name …::` at the start of a line, `##[name …]`).
"""

from __future__ import annotations

import re

_COMMAND = re.compile(r"#(?=#(?:vso)?\[)", re.IGNORECASE)
_START = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)


def quiet(text: str) -> str:
    """Return the text with a space in the middle of what an agent would take for a command."""
    return _START.sub(r"\1: ", _COMMAND.sub("# ", text))


def quiet_json(text: str) -> str:
    """Return JSON that says the same, without anything that an agent would take for a command."""
    return _COMMAND.sub(r"\\u0023", text)
