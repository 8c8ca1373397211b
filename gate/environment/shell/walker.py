"""Walk a parsed shell script and hand every command, its words resolved, to the tools."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from gate.environment.found import Word
from gate.environment.places import unresolved
from gate.environment.reading import MOST_STEPS
from gate.environment.shell.called import define
from gate.environment.shell.commands import run_command
from gate.environment.shell.printed import show, written
from gate.environment.shell.words import adjacent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

    from gate.environment.shell.words import Resolver

MOST_ROUNDS = 200
_SKIPPED = frozenset({"comment", "heredoc_start", "heredoc_end", "test_operator", "variable_name"})

_GIVEN_SCRIPT = re.compile(r"(?:\s-\w*c|\beval)\s.*(?:\$\(|`)", re.DOTALL)
"""A command that gets a script whose commands stand in substitutions: they are met twice."""


class Walker:
    """One script's walk."""

    def __init__(self, words: Resolver, nested: Callable[[str, int], None]) -> None:
        """Keep what resolves the script's words, and what reads a script inside this one."""
        self.session, self.words, self.nested = words.session, words, nested
        self.uncertain = self.barred = 0

    def visit(self, node: Node) -> None:
        """Look at one node: a command, something that steers commands, or a list of them."""
        if self.spent(node):
            return
        match node.type:
            case "command":
                self.command(node)
            case "redirected_statement":
                self.redirected(node)
            case "pipeline":
                self.pipeline(node)
            case "for_statement":
                self.loop(node)
            case "variable_assignment":
                self.assignment(node)
            case "if_statement" | "case_statement" | "while_statement":
                self.conditional(node)
            case "list":
                self.sequence(node)
            case kind if kind not in _SKIPPED:
                self.children(node)
                define(node, self)
            case _:
                pass

    def children(self, node: Node) -> None:
        """Look at every child."""
        for child in node.named_children:
            self.visit(child)

    def spent(self, node: Node) -> bool:
        """Say whether the steps of one definition are used up; then nothing more is looked at, and it is an error."""
        if self.session.reading.steps <= MOST_STEPS:
            return False
        message = f"more than {MOST_STEPS} commands, loops unrolled"
        line = self.words.line(node)
        self.session.reading.problem("too_many_commands", message, self.session.text, line, once=True)
        return True

    def conditional(self, node: Node) -> None:
        """Read what only a condition lets run."""
        if node.type == "case_statement":
            self.choice(node)
            return
        self.uncertain += 1
        self.children(node)
        self.uncertain -= 1

    def choice(self, node: Node) -> None:
        """Read every branch of `case`; where its word is known, only the branch that it takes sets variables."""
        value = node.child_by_field_name("value")
        word = self.words.value(value) if value is not None else "$"
        items = [child for child in node.named_children if child.type == "case_item"]
        taken = None if unresolved(word) else next((one for one in items if self._takes(one, word)), None)
        for item in items:
            self.uncertain += taken is None
            self.barred += taken is not None and item is not taken
            self.children(item)
            self.barred -= taken is not None and item is not taken
            self.uncertain -= taken is None

    def _takes(self, item: Node, word: str) -> bool:
        patterns = [self.words.value(one).strip("\"'") for one in item.children_by_field_name("value")]
        return any(fnmatch.fnmatchcase(word, one) for one in patterns)

    def sequence(self, node: Node) -> None:
        """Read `a && b` and `a || b`: what follows `||` runs only when what came before failed."""
        first, *rest = node.named_children
        self.visit(first)
        alternative = any(child.type == "||" for child in node.children)
        self.uncertain += alternative
        for child in rest:
            self.visit(child)
        self.uncertain -= alternative

    def assignment(self, node: Node) -> None:
        """Take an assignment into account, unless a branch that is not taken makes it."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        self.substitutions(node)
        if name is None or self.barred:
            return
        key = self.words.raw(name)
        words = self.words.resolve(value, split=False) if value is not None else []
        if value is not None and value.type == "array":
            items = [word for child in value.named_children for word in self.words.resolve(child)]
            words = [Word(text=" ".join(one.text for one in items), line=items[0].line)] if items else []
        self.session.assign(key, words[0] if words else Word(text="", line=0), certain=not self.uncertain)

    def substitutions(self, node: Node) -> None:
        """Read the commands inside `$(…)`, backticks and `<(…)` below a node."""
        for child in node.named_children:
            if child.type in {"command_substitution", "process_substitution"}:
                self.children(child)
            elif child.type not in {"command", "pipeline", "list"}:
                self.substitutions(child)

    def loop(self, node: Node) -> None:
        """Read a loop's body for each value that is known."""
        variable, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        values = [word for child in node.children_by_field_name("value") for word in self.words.resolve(child)]
        for child in node.children_by_field_name("value"):
            self.inside(child)
        if body is None:
            return
        name = self.words.raw(variable) if variable is not None else ""
        rounds = values[:MOST_ROUNDS]
        if len(values) > MOST_ROUNDS:
            message = f"a loop over more than {MOST_ROUNDS} values"
            self.session.reading.problem("loop_too_long", message, self.session.text, self.words.line(node))
        with self.session.reading.merged():
            if not rounds:
                self.visit(body)
            for value in rounds:
                # A loop in a loop in a loop has no command for long, and rounds without number.
                self.session.reading.steps += 1
                self.session.variables[name] = value
                self.visit(body)
        self.session.variables.pop(name, None)

    def pipeline(self, node: Node) -> None:
        """Read each command; what `echo` prints into a shell is a script."""
        self.session.piping = True
        for child in node.named_children:
            self.visit(child)
        self.session.piping = False
        self.session.feed([])

    def redirected(self, node: Node) -> None:
        """Read a command with redirects. Words after a redirect's target are the command's own: `pip install a>b c`."""
        more: list[Node] = []
        after: list[Node] = []
        for redirect in node.children_by_field_name("redirect"):
            if redirect.type == "heredoc_redirect":
                self.heredoc(redirect, more, after)
            else:
                more += self.redirect(redirect)
        stdin = self.session.piped
        if (body := node.child_by_field_name("body")) is not None:
            self.body(node, body, more)
        for one in after:
            self.session.piped = stdin
            self.visit(one)
        if not self.session.piping:
            self.session.feed([])

    def body(self, node: Node, body: Node, more: list[Node]) -> None:
        """Read what a redirect belongs to: the grammar gives that of `b` in `a && b > f` to both."""
        session = self.session
        if body.type in {"list", "pipeline", "negated_command"} and body.named_children:
            held = session.piped, session.piped_from, session.unseen
            alternative = any(child.type == "||" for child in body.children)
            session.piping |= body.type == "pipeline"
            for child in body.named_children[:-1]:
                self.visit(child)
            if body.type == "list":
                session.feed(*held)
            self.uncertain += alternative
            self.body(node, body.named_children[-1], more)
            self.uncertain -= alternative
            session.piping &= body.type != "pipeline"
        elif body.type == "command":
            self.incoming(body)
            written(node, body, self.words)
            self.command(body, more)
        else:
            written(node, body, self.words)
            self.visit(body)

    def heredoc(self, node: Node, more: list[Node], after: list[Node]) -> None:
        """Take a here-document apart: its text, the command's further words, and what follows on the first line."""
        more += node.children_by_field_name("argument")
        for child in node.named_children:
            if child.type == "heredoc_body":
                self.session.feed([Word(text=self.words.raw(child), line=self.words.line(child))])
            elif child.type.endswith("_redirect"):
                more += self.redirect(child)
            elif child.type not in {"heredoc_start", "heredoc_end"} and child not in more:
                after.append(child)

    def incoming(self, body: Node) -> None:
        """Note what a command reads, before what it prints is looked at."""
        for child in body.named_children:
            if child.type == "herestring_redirect":
                self.redirect(child)

    def redirect(self, node: Node) -> list[Node]:
        """Note what a redirect hands in; return the words behind its target."""
        destinations = node.children_by_field_name("destination")
        self.substitutions(node)
        if node.type == "herestring_redirect" and node.named_children:
            text = node.named_children[-1]
            self.session.feed(self.words.resolve(text, split=False))
        elif node.type == "file_redirect" and destinations and node.children[0].type == "<":
            for word in self.words.resolve(destinations[0])[:1]:
                show([word], self.session)
        return destinations[1:]

    def command(self, node: Node, more: list[Node] | None = None) -> None:
        """Read one command, for every value that its variables may have."""
        self.session.reading.steps += 1
        if self.spent(node):
            return
        nodes = [*node.named_children, *(more or [])]
        raw = self.words.raw(node)
        if self.session.alternatives or _GIVEN_SCRIPT.search(raw):
            with self.session.reading.merged():
                self.run(nodes)
                self.other_values(raw, nodes)
        else:
            self.run(nodes)
        if not self.session.piping:
            self.session.feed([])

    def run(self, nodes: list[Node]) -> None:
        """Hand one command on, as the variables stand."""
        words, prefix = self._parts(nodes)
        self.session.prefix = prefix
        if words:
            run_command(words, self.session, self.nested)
        self.session.prefix = {}

    def other_values(self, text: str, nodes: list[Node]) -> None:
        """Hand the command on again for each further value that one of its variables may have."""
        for name, values in list(self.session.alternatives.items()):
            if not re.search(rf"\$\{{?{re.escape(name)}\b", text):
                continue
            kept = self.session.variables[name]
            for value in values:
                self.session.variables[name] = value
                self.run(nodes)
            self.session.variables[name] = kept

    def _parts(self, nodes: list[Node]) -> tuple[list[Word], dict[str, str]]:
        words: list[Word] = []
        prefix: dict[str, str] = {}
        for group in adjacent(nodes):
            child = group[0]
            if child.type == "variable_assignment":
                name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
                resolved = self.words.resolve(value, split=False) if value is not None else []
                if name is not None:
                    prefix[self.words.raw(name)] = resolved[0].text if resolved else ""
            elif child.type.endswith("_redirect"):
                words += [word for one in self.redirect(child) for word in self.words.resolve(one)]
                continue
            elif child.type != "comment":
                words += self.words.resolve_group(group)
            for one in group:
                self.inside(one)
        return words, prefix

    def inside(self, node: Node) -> None:
        """Read the commands that a word itself runs."""
        self.substitutions(node)
        if node.type in {"command_substitution", "process_substitution"}:
            self.children(node)
