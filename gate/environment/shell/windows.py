"""PowerShell and Windows installers, as far as they can be told: addresses, and packages by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.found import Found
from gate.environment.options import grammar, parse_options
from gate.environment.shell.manifests import place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.found import Word
    from gate.environment.shell.session import Session

_ADDRESS = re.compile(r"https?://[^\s'\"`;,)]+")
_OPTIONS = grammar("--version -s/--source --id -e")
_PLACES = {"choco": "chocolatey", "winget": "winget", "scoop": "scoop"}


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name in _PLACES:
        operands = parse_options(words[1:], _OPTIONS).operands
        if operands and operands[0].text in {"install", "upgrade"}:
            session.add_all(Kind.OTHER, operands[1:], place(_PLACES[name]))
        return
    for word in words[1:]:
        for address in _ADDRESS.findall(word.text):
            session.add(Found(kind=Kind.URL, name=address, line=word.line))
