"""Names that a script gives itself: aliases, and functions that hand their arguments on."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.found import Word

if TYPE_CHECKING:
    from tree_sitter import Node

    from gate.environment.shell.session import Session
    from gate.environment.shell.walker import Walker

_ARGUMENT = re.compile(r"\$\{?[1-9@*]")
MOST_ARGUMENTS = 200


def define(node: Node, walker: Walker) -> None:
    """Keep a function whose body uses its arguments: each call is read with its own."""
    if node.type != "function_definition":
        return
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is not None and body is not None and _ARGUMENT.search(walker.words.raw(body)):
        walker.session.functions[walker.words.raw(name)] = lambda: walker.visit(body)


def define_alias(words: list[Word], session: Session) -> None:
    """Keep what `alias NAME=COMMAND` says."""
    for word in words[1:]:
        name, equals, value = word.text.partition("=")
        if equals:
            session.aliases[name] = [replace(word, text=one, script="") for one in value.split()]


def call(name: str, words: list[Word], session: Session) -> list[Word] | None:
    """Return the words that an alias stands for, None once a function was read, the same words for any other name."""
    meant = session.aliases.get(name)
    if meant and meant[0].text != name:
        return [*meant, *words[1:]]
    body = session.functions.pop(name, None)
    if body is None:
        return words
    # Out of the table while it is read: one that calls itself is read once.
    arguments = words[1:MOST_ARGUMENTS]
    joined = Word(text=" ".join(word.text for word in arguments), line=words[0].line)
    held = {key: session.variables.get(key) for key in [*map(str, range(1, 10)), "@", "*"]}
    session.variables |= {str(index): word for index, word in enumerate(arguments[:9], 1)} | {"@": joined, "*": joined}
    with session.reading.merged():
        body()
    for key, value in held.items():
        session.variables.pop(key, None)
        if value is not None:
            session.variables[key] = value
    session.functions[name] = body
    return None
