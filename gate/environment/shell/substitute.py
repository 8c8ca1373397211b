"""`$(…)` worked out where it is plain text work: `echo`, `printf`, `cut`, `tr`. Everything else stays unknown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.options import grammar, parse_options
from gate.environment.places import unresolved

if TYPE_CHECKING:
    from tree_sitter import Node

    from gate.environment.found import Word
    from gate.environment.shell.session import Session
    from gate.environment.shell.words import Resolver

_PLATFORM = {
    ("uname", "-m"): "x86_64",
    ("arch",): "x86_64",
    ("uname", "-s"): "Linux",
    ("uname",): "Linux",
    ("dpkg", "--print-architecture"): "amd64",
}
"""What the one platform that an Azure ML image has says of itself."""

_WHICH = re.compile(r"(?:which|type -[pP]|command -v) ([\w./+-]+)")
"""A program's own place: its name says as much about what it does."""

_CUT = grammar("-d/--delimiter -f/--fields -c/--characters", "-s")


def evaluate(node: Node, words: Resolver) -> str | None:
    """Return what a substitution prints; None when reading can't tell."""
    children = node.named_children
    if len(children) != 1:
        return None
    return _statement(children[0], words, None)


def _statement(node: Node, words: Resolver, stdin: str | None) -> str | None:
    if node.type == "pipeline":
        for child in node.named_children:
            stdin = _statement(child, words, stdin)
            if stdin is None:
                return None
        return stdin
    if node.type != "command":
        return None
    arguments = [child for child in node.named_children if not child.type.endswith("_redirect")]
    for child in node.named_children:
        if child.type == "herestring_redirect" and child.named_children:
            stdin = words.value(child.named_children[0])
    parts = [word for child in arguments for word in words.resolve(child)]
    if not parts or any(unresolved(word.text) for word in parts) or (stdin is not None and unresolved(stdin)):
        return None
    if parts[0].text == "cat" and len(parts) > 1:
        return _files(parts[1:], words.session)
    return _command(parts[0].text, [word.text for word in parts[1:]], parts, stdin)


def _files(names: list[Word], session: Session) -> str | None:
    texts = [session.open(word.text, word.line) for word in names]
    known = [re.sub(r"(?m)(?:^|\s)#.*$", "", one.content) for one in texts if one is not None]
    return "\n".join(known).strip() if len(known) == len(texts) else None


def _command(name: str, arguments: list[str], parts: list, stdin: str | None) -> str | None:  # type: ignore[type-arg]
    if name == "echo":
        return " ".join(one for one in arguments if one not in {"-n", "-e"})
    if (name, *arguments) in _PLATFORM:
        return _PLATFORM[name, *arguments]
    if name == "printf" and len(arguments) == 1 and "%" not in arguments[0]:
        return arguments[0].rstrip("\n")
    if (called := _WHICH.fullmatch(" ".join([name, *arguments]))) is not None:
        return called[1]
    return None if stdin is None else _filtered(name, arguments, parts, stdin)


def _filtered(name: str, arguments: list[str], parts: list, stdin: str) -> str | None:  # type: ignore[type-arg]
    if name == "cut":
        return _cut(parts[1:], stdin)
    if name == "tr" and len(arguments) == 2:  # noqa: PLR2004 - set 1 and set 2
        return _tr(arguments, stdin)
    return None


def _tr(arguments: list[str], stdin: str) -> str | None:
    if arguments[0] == "-d" and len(arguments[1]) == 1:
        return stdin.replace(arguments[1], "")
    if len(arguments[0]) == len(arguments[1]) == 1:
        return stdin.replace(arguments[0], arguments[1])
    return None


def _cut(parts: list, stdin: str) -> str | None:  # type: ignore[type-arg]
    parsed = parse_options(parts, _CUT)
    fields, delimiter = parsed.last("--fields"), parsed.last("--delimiter")
    if fields is None or delimiter is None or len(delimiter.text) != 1:
        return None
    columns = stdin.split(delimiter.text)
    chosen: list[str] = []
    for part in fields.text.split(","):
        first, dash, last = part.partition("-")
        if not (first or "1").isdigit() or not (last or "1").isdigit():
            return None
        start = int(first or 1)
        end = (int(last) if last else len(columns)) if dash else start
        chosen += columns[start - 1 : end]
    return delimiter.text.join(chosen)
