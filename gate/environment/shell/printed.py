"""What commands print, where reading can tell: into a pipe, or into a file that a later command installs from."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from gate.environment.configured import Spot, apply, is_configuration
from gate.environment.found import Word

if TYPE_CHECKING:
    from tree_sitter import Node

    from gate.environment.shell.session import Session
    from gate.environment.shell.words import Resolver

FILTERS = frozenset({"cat", "grep", "egrep", "sed", "awk", "sort", "uniq", "tr", "cut", "head", "tail", "envsubst"})
"""Commands that print what they are given, or a part of it."""

_OUTGOING = frozenset({">", ">>", ">|", "&>", "&>>"})
_FLAGS = frozenset({"-n", "-e", "-E", "-ne", "-en", "--"})
LONGEST = 100_000
"""Most characters that are kept of what one command prints."""


def written(node: Node, body: Node, words: Resolver) -> None:
    """Take into account what the body of a redirected statement writes to files."""
    outgoing = [
        (word.text, inner.children[0].type.endswith(">>"))
        for redirect in node.children_by_field_name("redirect")
        for inner in (redirect, *redirect.children_by_field_name("redirect"))
        if inner.type == "file_redirect" and any(one.type in _OUTGOING for one in inner.children[:1])
        for target in inner.children_by_field_name("destination")[:1]
        for word in words.resolve(target)
    ]
    printed = output(body, words) if outgoing else None
    for path, append in outgoing:
        if printed is not None:
            write(path, printed, words.session, append=append)
        elif not append and words.session.locate(path) is not None:
            words.session.stage.forget(path)


def output(node: Node, words: Resolver) -> Word | None:
    """Return what a command prints, with the line on which that stands; None if reading can't tell."""
    if node.type in {"compound_statement", "subshell"}:
        parts = [output(child, words) for child in node.named_children if child.type != "comment"]
        known = [one for one in parts if one is not None]
        if not known or len(known) < len(parts):
            return None
        return Word(text="\n".join(one.text for one in known), line=known[0].line)
    if node.type != "command":
        return None
    found = [
        word
        for child in node.named_children
        if child.type not in {"variable_assignment", "comment"} and not child.type.endswith("_redirect")
        for word in words.resolve(child)
    ]
    return _printed(found, words.session) if found else None


def _printed(words: list[Word], session: Session) -> Word | None:
    name, arguments = words[0].text, words[1:]
    if name == "echo":
        while arguments and arguments[0].text in _FLAGS:
            arguments = arguments[1:]
        text = " ".join(word.text for word in arguments)
        return Word(text=text.replace("\\n", "\n"), line=arguments[0].line if arguments else words[0].line)
    if name == "printf" and arguments:
        return _formatted(arguments)
    if name == "cat":
        return _shown(arguments, session)
    return None


def _formatted(arguments: list[Word]) -> Word:
    pattern, values = arguments[0].text.replace("\\n", "\n"), [word.text for word in arguments[1:]]
    if not values:
        return Word(text=pattern, line=arguments[0].line)
    slots = max(1, pattern.count("%s"))
    rows = [values[at : at + slots] for at in range(0, len(values), slots)]
    text = ""
    for row in rows:
        filled = iter(row)
        text += re.sub(r"%s", lambda match: next(filled, ""), pattern)  # noqa: ARG005, B023 - used at once
    return Word(text=text, line=arguments[1].line)


def _shown(arguments: list[Word], session: Session) -> Word | None:
    names = [word for word in arguments if not word.text.startswith("-") or word.text == "-"]
    if names and names != [Word(text="-", line=names[0].line)]:
        texts = [session.open(word.text, word.line) for word in names]
        known = [one for one in texts if one is not None]
        if len(known) < len(texts):
            return None
        # What the build itself wrote stands on its own lines, below empty ones.
        content = known[0].content.lstrip("\n")
        own = known[0].path == session.text.path
        line = 1 + len(known[0].content) - len(content) if own else names[0].line
        return Word(text="\n".join([content, *(one.content for one in known[1:])]), line=line)
    if not session.piped:
        return None
    return Word(text="\n".join(word.text for word in session.piped), line=session.piped[0].line)


def write(path: str, printed: Word, session: Session, *, append: bool) -> None:
    """Note what was written; configuration steers what follows."""
    if len(printed.text) > LONGEST:
        session.stage.forget(path)
        return
    session.stage.write(path, printed.text, printed.line, append=append)
    if is_configuration(path):
        spot = Spot(stage=session.stage, text=session.text, reading=session.reading, line=printed.line)
        apply(posixpath.basename(path), printed.text, spot)


def show(words: list[Word], session: Session) -> None:
    """Put a file into the pipe: as it is known, or as one that is not there."""
    for word in words[-1:]:
        if word.text == "-":
            return
        text = session.open(word.text, word.line)
        if text is None:
            session.feed([], unseen=word)
        else:
            session.feed([Word(text=text.content, line=1)], origin=text)


def piped_words(session: Session) -> list[Word]:
    """Return what `xargs` reads: every word, comments left out."""
    if session.piped_from is None:
        return [Word(text=one, line=word.line) for word in session.piped for one in word.text.split()]
    return [
        Word(text=one, line=number)
        for number, line in enumerate(session.piped_from.lines, 1)
        for one in re.sub(r"(?:^|\s)#.*", "", line).split()
    ]
