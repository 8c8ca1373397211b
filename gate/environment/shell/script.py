"""Parse a shell script (tree-sitter-bash) and walk it, bounded in length and depth."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import tree_sitter
import tree_sitter_bash

from gate.environment.shell.walker import Walker
from gate.environment.shell.words import Resolver
from gate.environment.templates import Mask

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

DEEPEST = 12
LONGEST = 200_000


@lru_cache(maxsize=1)
def _parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def run_script(script: str, first_line: int, session: Session, depth: int = 0) -> None:
    """Read a script whose first line is `first_line` of the session's file.

    Both branches of every condition are read and every loop's body for each of its values: what could run counts.
    """
    if len(script) > LONGEST:
        message = f"a script of more than {LONGEST} characters"
        session.reading.problem("script_too_long", message, session.text, first_line)
        return
    if depth > DEEPEST:
        session.reading.problem("shell_too_deep", "scripts nested too deep", session.text, first_line)
        return

    def nested(inner: str, line: int) -> None:
        run_script(inner, line, session.nested(), depth + 1)

    mask = Mask()
    source = mask.hide(script).encode("utf-8", "surrogatepass")
    tree = _parser().parse(source)
    if tree.root_node.has_error:
        message = "not all of the command could be understood"
        session.reading.problem("shell_not_understood", message, session.text, first_line)
    try:
        Walker(Resolver(source, mask, first_line, session), nested).visit(tree.root_node)
    except RecursionError:
        session.reading.problem("shell_too_deep", "commands nested too deep", session.text, first_line)
