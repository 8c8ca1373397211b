"""Shell scripts of the build context that a command runs: read like the commands that stand in the file itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.places import unresolved
from gate.model.origin import Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.found import Word
    from gate.environment.shell.session import Session


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
        if session.stage.was_copied(path) and not sourced and not path.startswith("~"):
            session.source(Origin(kind=OriginKind.UNKNOWN, location=f"script {path}"), word.line)
        return
    from gate.environment.shell.script import run_script  # noqa: PLC0415 - the script reader reads this module

    with session.reading.including(target, session.text, word.line) as text:
        if text is not None:
            run_script(text.content, 1, replace(session.nested(), text=text))
