"""One run of a script as far as reading can follow it: variables, the folder, and where findings go."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gate.environment.found import UNRESOLVED, Found, Word
from gate.environment.pip_scope import direct_origins
from gate.environment.places import unresolved
from gate.environment.stage import Stage, linked, locate
from gate.environment.text import Text
from gate.model.origin import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.environment.reading import Reading
    from gate.model.origin import Origin


MOST_PLACES = 20
"""How many places are looked at for a file that stages and copies hand on."""

MOST_SEARCHED = 2000
"""After so many commands files are looked for in their own place only."""

MOST_ALTERNATIVES = 10
"""How many values one variable may have at a time; earlier ones are let go."""


@dataclass(slots=True)
class Session:
    """The state of one script.

    Attributes:
        text: the file in which the script stands.
        stage: the Dockerfile stage, or an empty one.
        contexts: folders that may be the build context; empty: paths start at the file's own folder.
        variables: what the script assigned, on top of the stage's; the line is where the value stands, 0 if unknown.
        alternatives: further values that a variable may have, for a condition decides which assignment runs.
        prefix: assignments before the command at hand (`PIP_INDEX_URL=… pip install …`).
        piping: a pipe follows, or leads here.
        piped: what the command before the pipe printed, when reading can tell.
        piped_from: the file that it printed.
        unseen: the file that it printed, and that is not there.
        fetched: addresses that were fetched so far.
        aliases: what the script's own names for commands stand for.
        functions: what reads the body of a function that uses its arguments.
    """

    text: Text
    reading: Reading
    stage: Stage
    contexts: list[str]
    variables: dict[str, Word] = field(default_factory=dict)
    alternatives: dict[str, list[Word]] = field(default_factory=dict)
    prefix: dict[str, str] = field(default_factory=dict)
    piping: bool = False
    piped: list[Word] = field(default_factory=list)
    piped_from: Text | None = None
    unseen: Word | None = None
    fetched: list[str] = field(default_factory=list)
    aliases: dict[str, list[Word]] = field(default_factory=dict)
    functions: dict[str, Callable[[], None]] = field(default_factory=dict)

    def values(self) -> dict[str, str]:
        """Return every variable whose value is known."""
        return {**self.stage.env, **{name: word.text for name, word in self.variables.items()}}

    def setting(self, name: str) -> str | None:
        """Return an environment variable as the command at hand sees it."""
        return self.prefix.get(name) or self.values().get(name)

    def assign(self, name: str, value: Word, *, certain: bool) -> None:
        """Take an assignment into account; an uncertain one leaves the value before it possible."""
        before = self.variables.get(name) or (
            Word(text=self.stage.env[name], line=0) if name in self.stage.env else None
        )
        known = self.alternatives.pop(name, [])
        if not certain and before is not None and before.text != value.text:
            kept = [one for one in (*known, before) if one.text != value.text]
            self.alternatives[name] = kept[-MOST_ALTERNATIVES:]
        self.variables[name] = value

    def add(self, found: Found, *origins: Origin) -> None:
        """Keep a reference; a name with an unresolved variable in it is in doubt."""
        if found.kind is Kind.LOCAL and self.stage.was_fetched(found.name):
            return
        if unresolved(found.name):
            found = found.doubted(UNRESOLVED)
        self.reading.add(found, origins or direct_origins(found), self.text)

    def add_all(self, kind: Kind, words: list[Word], *origins: Origin) -> None:
        """Keep one reference for each word, `name@version` split."""
        for word in words:
            at = word.text.rfind("@")
            name, spec = (word.text[:at], word.text[at + 1 :]) if at > 0 else (word.text, "")
            self.add(Found(kind=kind, name=name, spec=spec, line=word.line), *origins)

    def add_addresses(self, words: list[Word]) -> None:
        """Keep every word that is an address."""
        for word in words:
            if "://" in word.text:
                self.add(Found(kind=Kind.URL, name=word.text, line=word.line))

    def source(self, origin: Origin, line: int) -> None:
        """Keep a place that a command puts in scope."""
        self.reading.source(origin, self.text, line)

    def locate(self, path: str) -> str | None:
        """Return the name under which a path of the image can be read: the build wrote it, or its context holds it."""
        if unresolved(path):
            return None
        if path in {"-", "/dev/stdin", "/dev/fd/0"}:
            return self._stdin()
        waiting = [(self.stage, path)]
        for _ in range(MOST_PLACES if self.reading.steps < MOST_SEARCHED else 1):
            if not waiting:
                break
            stage, name = waiting.pop(0)
            if (found := self._find(name, stage)) is not None:
                return found
            waiting += linked(name, stage)[:MOST_PLACES]
        return None

    def _find(self, path: str, stage: Stage) -> str | None:
        absolute = stage.absolute(path)
        found = None if absolute in stage.written else locate(path, stage, self.contexts, self.reading)
        if found is None and (content := stage.content(path)) is not None:
            return self._hold(absolute, content)
        return found

    def _hold(self, name: str, content: str) -> str:
        key = f"{self.text.path}\0{name}"
        self.reading.written[key] = Text(path=self.text.path, content=content)
        return key

    def _stdin(self) -> str | None:
        if self.piped_from is not None:
            return self.piped_from.path
        if not self.piped:
            return None
        lines = "\n" * (self.piped[0].line - 1)
        return self._hold("stdin", lines + "\n".join(word.text for word in self.piped))

    def added(self, path: str) -> str | None:
        """Return what the build adds to a file that comes from elsewhere."""
        absolute = self.stage.absolute(path)
        elsewhere = locate(path, self.stage, self.contexts, self.reading) is not None
        content = self.stage.content(path) if elsewhere and absolute in self.stage.added else None
        return None if content is None else self._hold(f"{absolute}+", content)

    def open(self, path: str, line: int) -> Text | None:
        """Return a file of the image as text, if it is known."""
        target = self.locate(path)
        return None if target is None else self.reading.load(target, self.text.path, line)

    def feed(self, words: list[Word], origin: Text | None = None, unseen: Word | None = None) -> None:
        """Put into the pipe what a command prints: words, or a whole file; `unseen` is a file that is not there."""
        self.piped, self.piped_from, self.unseen = words, origin, unseen

    def missing(self, word: Word) -> None:
        """Keep a file that is named and not there."""
        found = Found(kind=Kind.OTHER, name=word.text, line=word.line, undetermined="missing_file")
        self.reading.add(found, (), self.text)

    def nested(self) -> Session:
        """Return a session for a script inside this one: the same place, variables of its own."""
        return replace(
            self,
            variables=dict(self.variables),
            alternatives=dict(self.alternatives),
            prefix={},
            piping=False,
            piped=[],
            piped_from=None,
            unseen=None,
        )
