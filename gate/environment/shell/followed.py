"""Shell scripts of the build context that a command runs: read like the commands that stand in the file itself."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.places import unresolved
from gate.model.origin import Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.found import Word
    from gate.environment.shell.session import Session
    from gate.environment.text import Text


INSTALLER = re.compile(r"(?i)install|set-?up|bootstrap|provision|depend|(?:^|[-_])deps|download|fetch|configure|build")
"""Names of scripts that bring something in; what is called anything else is taken for the program itself."""

_SHEBANG = re.compile(r"#!.*\b(?:ba|da|a|z|k)?sh\b")


def follow(word: Word, session: Session, *, sourced: bool = False) -> None:
    """Read a script that a command runs.

    One that was copied out of the context and is not there to be read is an unknown place: what it brings in can't be
    told. One that nobody copied belongs to the base image; what is only sourced (`activate`) is made on the spot.
    """
    path = word.text
    if session.stage.was_fetched(path) or session.stage.in_clone(path):
        return
    target = None if unresolved(path) else session.locate(path)
    if target is None:
        if not sourced:
            unseen_script(word, session)
        return
    with session.reading.including(target, session.text, word.line) as text:
        if text is not None:
            follow_text(text, session)


def follow_text(text: Text, session: Session) -> None:
    """Read a script that is known."""
    from gate.environment.shell.script import run_script  # noqa: PLC0415 - the script reader reads this module

    run_script(text.content, 1, replace(session.nested(), text=text))


def unseen_script(word: Word, session: Session) -> None:
    """Keep a script that was copied, and that nobody can look into, as an unknown place."""
    if session.stage.was_copied(word.text) and not word.text.startswith("~"):
        session.source(Origin(kind=OriginKind.UNKNOWN, location=f"script {word.text}"), word.line)


def is_script(word: Word, session: Session) -> bool:
    """Say whether a command without a known name is a shell script of the context, or would be one by its name."""
    path = word.text
    if "/" not in path or unresolved(path):
        return False
    text = session.open(path, word.line)
    if text is not None:
        return _SHEBANG.match(text.content.lstrip("\n")) is not None
    return INSTALLER.search(path.rpartition("/")[2]) is not None and (path.startswith("./") or "/bin/" not in path)
