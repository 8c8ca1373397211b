"""What later commands depend on: the folder, what was printed or written, files moved about, archives unpacked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.found import Word
from gate.environment.shell.printed import FILTERS, show, write

if TYPE_CHECKING:
    from gate.environment.shell.session import Session


def remember(name: str, words: list[Word], session: Session) -> None:
    """Follow what other commands depend on: the folder, what was printed into a pipe, exported variables."""
    operands = [word for word in words[1:] if not word.text.startswith("-")]
    match name:
        case "cd" | "pushd" if operands:
            session.stage.workdir = session.stage.absolute(operands[0].text)
        case "echo" | "printf":
            _printed(words, session)
        case "tar" | "unzip" | "bsdtar":
            _unpacked(name, words, session)
        case "tee" if session.piped:
            printed = Word(text="\n".join(word.text for word in session.piped), line=session.piped[0].line)
            for word in operands:
                write(word.text, printed, session, append="-a" in [one.text for one in words])
        case "cp" | "mv" | "install" if len(operands) > 1:
            _moved(operands, session)
        case _ if name in FILTERS and session.piping:
            # The first operand of most filters is what they look for.
            show(operands if name in {"cat", "sort", "uniq"} else operands[1:], session)
        case _:
            pass


def _moved(operands: list[Word], session: Session) -> None:
    for word in operands[:-1]:
        session.stage.link(session.stage, session.stage.absolute(word.text), operands[-1].text)


def _printed(words: list[Word], session: Session) -> None:
    from gate.environment.shell.apt import added  # noqa: PLC0415 - apt's module imports this package's session

    printed = [word for word in words[1:] if not word.text.startswith("-")]
    for word in printed:
        added(word.text, word.line, session)
    if session.piping:
        session.feed([replace(word, text=word.text.replace("\\n", "\n")) for word in printed])


def _unpacked(name: str, words: list[Word], session: Session) -> None:
    option = "-d" if name == "unzip" else "-C"
    for index, word in enumerate(words):
        if word.text in {option, "--directory"} and index + 1 < len(words):
            session.stage.cloned.append(session.stage.absolute(words[index + 1].text))
