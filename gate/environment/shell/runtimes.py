"""pyenv, rbenv, asdf, mise, fnm, volta, SDKMAN: interpreters and tools by name and version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import grammar, parse_options
from gate.environment.shell.manifests import place
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_SINGLE = {"pyenv": "python", "rbenv": "ruby", "nodenv": "node", "goenv": "go", "fnm": "node"}
"""Managers of one language: their operands are versions of it."""

_PAIRED = frozenset({"asdf", "sdk"})
"""Managers of many: the name, then a version."""

_VERBS = frozenset({"install", "use", "global", "i"})


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    operands = parse_options(words[1:], grammar("")).operands
    if not operands or operands[0].text not in _VERBS:
        return
    verb, rest = operands[0].text, operands[1:]
    if name in _SINGLE and verb in {"install", "i"}:
        for word in rest:
            _add(_SINGLE[name], word.text, word.line, name, session)
    elif name in _PAIRED and verb == "install" and rest:
        _add(rest[0].text, rest[1].text if len(rest) > 1 else "", rest[0].line, name, session)
    elif name in {"mise", "volta"}:
        session.add_all(Kind.OTHER, rest, place(name))


def _add(name: str, version: str, line: int, manager: str, session: Session) -> None:
    session.add(Found(kind=Kind.OTHER, name=name, spec=version, line=line), place(manager))
