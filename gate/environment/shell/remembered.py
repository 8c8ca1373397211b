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
    """Note where an archive's content came from: from elsewhere if it was downloaded, else out of the context."""
    option = "-d" if name == "unzip" else "-C"
    archive = _archive(name, words[1:])
    stage = session.stage
    piped = archive in {"", "-"}
    elsewhere = bool(session.fetched) if piped else stage.was_fetched(archive) or stage.in_clone(archive)
    for index, word in enumerate(words):
        if word.text in {option, "--directory"} and index + 1 < len(words):
            folder = words[index + 1].text
            if elsewhere:
                stage.cloned.append(stage.absolute(folder))
            elif stage.was_copied(archive):
                stage.copied((archive,), folder, unpacked=True)


def _archive(name: str, words: list[Word]) -> str:
    """Return the archive that a call unpacks; empty if it comes through the pipe."""
    texts = [word.text for word in words]
    if name == "unzip":
        return next((one for one in texts if not one.startswith("-")), "")
    for index, text in enumerate(texts):
        letters = text.removeprefix("-")
        if text.startswith("--file="):
            return text.partition("=")[2]
        # `xzf FILE` goes without a dash, as the first word alone.
        short = not text.startswith("--") and (text.startswith("-") or index == 0) and "f" in letters
        if text == "--file" or short:
            return (
                letters.partition("f")[2]
                if short and letters.partition("f")[2]
                else "".join(texts[index + 1 : index + 2])
            )
    return ""
