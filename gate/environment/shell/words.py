"""Resolve the words of a parsed command: quotes off, variables in, each with the line on which it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gate.environment.expand import LONGEST, expand, parameter
from gate.environment.found import Word
from gate.environment.shell.substitute import evaluate

if TYPE_CHECKING:
    from tree_sitter import Node

    from gate.environment.shell.session import Session
    from gate.environment.templates import Mask

_EXPANSIONS = frozenset({"simple_expansion", "expansion", "command_substitution"})
_ARRAY = re.compile(r'"?\$(?:\{\w+\[[@*]\]\}|@|\{@\})"?')
_ESCAPE = re.compile(r"\\(\n|.)", re.DOTALL)
_QUOTED_ESCAPE = re.compile(r'\\(["\\$`\n])')
_ANSI = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_BRACES = re.compile(r"^(.*?)\{([^{}]*,[^{}]*)\}(.*)$", re.DOTALL)
MOST_WORDS = 1000
LONGEST_BRACED = 2000


def adjacent(nodes: list[Node]) -> list[list[Node]]:
    """Group nodes that no blank parts: the grammar cuts `a$X-b$Y` in two, the shell does not."""
    groups: list[list[Node]] = []
    for node in nodes:
        word = not node.type.endswith("_redirect") and node.type not in {"variable_assignment", "comment"}
        if (
            groups
            and word
            and groups[-1][-1].end_byte == node.start_byte
            and groups[-1][0].type != "variable_assignment"
        ):
            groups[-1].append(node)
        else:
            groups.append([node])
    return groups


class Resolver:
    """Turns nodes of one script into words."""

    def __init__(self, source: bytes, mask: Mask, first_line: int, session: Session) -> None:
        """Keep what every word needs: the source, the masked templates, where the script starts."""
        self.source, self.mask, self.first_line, self.session = source, mask, first_line, session
        self.keep = False

    def raw(self, node: Node) -> str:
        """Return the node's text as written, templates back in place."""
        return self.mask.show(self._text(node.start_byte, node.end_byte))

    def line(self, node: Node) -> int:
        """Return the line of the file on which the node starts."""
        return self.first_line + node.start_point[0]

    def resolve(self, node: Node, *, split: bool = True) -> list[Word]:
        """Return the words that a node becomes: none, one, or several when an unquoted variable holds spaces."""
        held = self._held(node)
        line = self.line(node)
        if held is not None and held.line:
            line = held.line
        text = self.mask.show(self._value(node))
        quoted = node.type in {"string", "raw_string", "ansi_c_string"} and not self._array(node)
        if split and not quoted:
            known = "$(" not in text and "`" not in text
            if known and self._has_expansion(node) and text.split() != [text]:
                return [Word(text=one, line=line) for one in text.split()[:MOST_WORDS]]
            if node.type in {"concatenation", "word", "brace_expression"}:
                return [Word(text=one, line=line) for one in _brace(text)]
        return [Word(text=text, line=line, script=self._script(node))]

    def resolve_group(self, nodes: list[Node]) -> list[Word]:
        """Return the words of nodes that stand side by side: one word to the shell, whatever the grammar says."""
        if len(nodes) == 1:
            node = nodes[0]
            if node.type == "command_name" and node.named_child_count == 1:
                node = node.named_children[0]
            return self.resolve(node)
        raw = self._text(nodes[0].start_byte, nodes[-1].end_byte)
        plain = not any(one in raw for one in "'\"`\\") and "$(" not in raw
        text = expand(raw, self.session.values()) if plain else "".join(self._value(node) for node in nodes)
        return [Word(text=self.mask.show(text), line=self.line(nodes[0]))]

    def _script(self, node: Node) -> str:
        # A script in a quoted string over several lines: its own lines are kept, so that findings fall on them.
        raw = self._text(node.start_byte, node.end_byte)
        if node.type != "string" or "\\\n" not in raw:
            return ""
        self.keep = True
        try:
            return self.mask.show(self._value(node))
        finally:
            self.keep = False

    def _held(self, node: Node) -> Word | None:
        # A word that is one variable alone stands where its value stands: the loop's list, not its body.
        if node.type == "string" and node.named_child_count == 1:
            node = node.named_children[0]
        if node.type in {"simple_expansion", "expansion"} and node.named_child_count == 1:
            return self.session.variables.get(self.raw(node.named_children[0]))
        return None

    def _array(self, node: Node) -> bool:
        # `"${A[@]}"`, the one variable that becomes several words inside quotes.
        return _ARRAY.fullmatch(self._text(node.start_byte, node.end_byte)) is not None

    def _has_expansion(self, node: Node) -> bool:
        return (
            node.type in _EXPANSIONS
            or self._array(node)
            or (node.type == "concatenation" and any(child.type in _EXPANSIONS for child in node.named_children))
        )

    def _text(self, start: int, end: int) -> str:
        # Where quotes are missing, the grammar's places can fall into the middle of a character.
        return self.source[start:end].decode("utf-8", "replace")

    def _value(self, node: Node) -> str:
        text = self._text(node.start_byte, node.end_byte)
        match node.type:
            case "word":
                text = _unescape(text)
            case "raw_string":
                text = text[1:-1]
            case "ansi_c_string":
                text = re.sub(r"\\(.)", lambda match: _ANSI.get(match[1], match[0]), text[2:-1])
            case "string":
                text = self._pieces(node, node.start_byte + 1, node.end_byte - 1, quoted=True)
            case "concatenation" | "command_name":
                text = self._pieces(node, node.start_byte, node.end_byte, quoted=False)
            case "simple_expansion" | "expansion":
                # Inside strings the grammar counts blanks before the dollar to the expansion.
                bare = text.lstrip()
                text = text[: len(text) - len(bare)] + parameter(bare, self.session.values())
            case "command_substitution":
                known = evaluate(node, self)
                text = text if known is None else known
            case _:
                pass
        return text

    def _pieces(self, node: Node, start: int, end: int, *, quoted: bool) -> str:
        # Rebuilt from the source between the children: the grammar leaves blanks inside strings to nobody.
        out: list[str] = []
        position = start
        for child in node.named_children:
            if quoted and child.type not in _EXPANSIONS:
                continue
            out.append(self._clean(self._text(position, child.start_byte), quoted=quoted))
            out.append(self._value(child))
            position = child.end_byte
        out.append(self._clean(self._text(position, end), quoted=quoted))
        # A variable that is made of itself doubles at each turn: past the bound it stays as written, and in doubt.
        return "".join(out) if sum(map(len, out)) <= LONGEST else self._text(start, end)

    def _clean(self, text: str, *, quoted: bool) -> str:
        if not quoted:
            return _unescape(text)
        continued = "\\\n" if self.keep else ""
        return _QUOTED_ESCAPE.sub(lambda match: continued if match[1] == "\n" else match[1], text)

    def value(self, node: Node) -> str:
        """Return the text that a node becomes, unsplit."""
        return self.mask.show(self._value(node))


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: "" if match[1] == "\n" else match[1], text) if "\\" in text else text


def _brace(text: str) -> list[str]:
    """Expand `{a,b}`; past the bound what is left stays as written."""
    if "{" not in text or "{{" in text or "${" in text or len(text) > LONGEST_BRACED:
        return [text]
    done: list[str] = []
    waiting = [text]
    while waiting and len(done) + len(waiting) < MOST_WORDS:
        one = waiting.pop()
        match = _BRACES.match(one)
        if match is None:
            done.append(one)
        else:
            waiting += [match[1] + part + match[3] for part in reversed(match[2].split(",")[:100])]
    return done + waiting
