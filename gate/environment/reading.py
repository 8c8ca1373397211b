"""The one place where readers leave what they found, and through which alone they reach other files."""

from __future__ import annotations

import os
import posixpath
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gate.environment.text import NotTextError, Text, decode
from gate.model.redact import redact, redact_url
from gate.model.reference import Declared, Problem, Reference, Severity, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.bounds import DefinitionBounds
    from gate.environment.found import Found
    from gate.model.origin import Origin


LONGEST_WORD = 4096
"""Longest name, version or marker of a reference, in characters."""

MOST_PROBLEMS = 1000
"""Problems past this number are no news; but the first error is, behind however many warnings."""

INCLUDES = 4
"""How often files may be included, for each file that the bounds let in."""

LOADS = 150
"""How often files may be opened, for each one that the bounds let in: folders are looked through, includes repeat."""

MOST_STEPS = 10_000
"""Most shell commands that one definition may run through, loops unrolled."""


class Reading:
    """The state of reading one definition: what was found, what was opened, what bounds are left.

    `root` is the folder that no read leaves, links resolved. Paths in results are relative to it, with `/`.
    `written` holds files that the definition itself writes, by a name that no file has.
    """

    def __init__(self, root: Path, bounds: DefinitionBounds) -> None:
        """Start with nothing found."""
        self.root = root.resolve()
        self.bounds = bounds
        self.references: list[Reference] = []
        self.sources: list[Source] = []
        self.problems: list[Problem] = []
        self.files: list[str] = []
        self.steps = 0
        self.written: dict[str, Text] = {}
        self._active: list[str] = []
        self._loads = 0
        self._included = 0
        self._places: dict[tuple[str, str], str | None] = {}

    # what was found

    def add(self, found: Found, origins: tuple[Origin, ...], text: Text) -> None:
        """Keep one reference; past the bound one problem stands for all that follow."""
        if self.full:
            message = f"more than {self.bounds.references} references"
            self.problem("too_many_references", message, text, found.line, once=True)
            return
        if max(len(found.name), len(found.spec), len(found.marker)) > LONGEST_WORD:
            message = f"a name or a version of more than {LONGEST_WORD} characters"
            self.problem("word_too_long", message, text, found.line)
            return
        self.references.append(
            Reference(
                kind=found.kind,
                name=redact_url(found.name),
                spec=redact(found.spec),
                origins=origins,
                file=text.path,
                line=found.line,
                text=text.excerpt(found.line),
                extras=found.extras,
                marker=found.marker,
                hashes=found.hashes,
                distribution=found.distribution,
                undetermined=found.undetermined or ("" if origins else "no_origin"),
            )
        )

    @contextmanager
    def merged(self) -> Iterator[None]:
        """Keep what is found in the block once for each name and line, with every origin that any finding had.

        The rounds of a loop and the values that a variable may have say the same thing again.
        """
        start = len(self.references)
        yield
        kept: dict[tuple[str, ...], Reference] = {}
        for one in self.references[start:]:
            key = (one.kind.value, one.name, one.spec, one.file, str(one.line))
            first = kept.get(key)
            kept[key] = one if first is None else _union(first, one)
        self.references[start:] = kept.values()

    def source(self, origin: Origin, text: Text, line: int) -> None:
        """Keep one place that the definition puts in scope."""
        self.sources.append(Source(origin=origin, file=text.path, line=line, text=text.excerpt(line)))

    @property
    def full(self) -> bool:
        """Say whether no further reference is kept: reading on is of no use."""
        return len(self.references) >= self.bounds.references

    @property
    def swamped(self) -> bool:
        """Say whether there are more problems than anybody reads, an error among them: reading on is of no use."""
        return len(self.problems) >= MOST_PROBLEMS and any(
            one.severity is Severity.ERROR for one in reversed(self.problems)
        )

    def problem(  # noqa: PLR0913 - what a problem is, and how it counts
        self, code: str, message: str, text: Text | str, line: int = 0, *, error: bool = True, once: bool = False
    ) -> None:
        """Keep a problem of reading; an error makes the definition unparseable. `once`: one of its code is enough."""
        if self.swamped or (not error and len(self.problems) >= MOST_PROBLEMS):
            return
        if once and any(one.code == code for one in self.problems):
            return
        path = text if isinstance(text, str) else text.path
        severity = Severity.ERROR if error else Severity.WARNING
        self.problems.append(
            Problem(code=code, message=redact(message[:800])[:400], file=path, line=line, severity=severity)
        )

    def declared(self) -> Declared:
        """Return all that was read, frozen."""
        return Declared(
            references=tuple(self.references),
            sources=tuple(self.sources),
            problems=tuple(self.problems),
            files=tuple(self.files),
        )

    # other files

    def locate(self, path: str, base: str = "") -> str | None:
        """Return the path of an existing file inside the root, relative to it; None if there is none.

        `base` is the folder (relative to the root) that a relative path starts from. An absolute path is looked up
        nowhere: it names a place outside what was handed in.
        """
        target = self._inside(path, base)
        return target if target is not None and os.path.isfile(self.root / target) else None  # noqa: PTH113 - Path.is_file raises on names that are too long

    def is_folder(self, path: str, base: str = "") -> bool:
        """Say whether the path is a folder inside the root."""
        target = self._inside(path, base)
        return target is not None and os.path.isdir(self.root / target)  # noqa: PTH112 - as above

    def _inside(self, path: str, base: str) -> str | None:
        key = path, base
        if key not in self._places:
            self._places[key] = self._place(path, base)
        return self._places[key]

    def _place(self, path: str, base: str) -> str | None:
        if not path or "\0" in path or path.startswith(("/", "~")) or len(path) > 4096:  # noqa: PLR2004 - PATH_MAX
            return None
        target = posixpath.normpath(posixpath.join(base, path.replace("\\", "/")))
        if target == ".." or target.startswith(("../", "/")):
            return None
        try:
            real = Path(os.path.realpath(self.root / target))
        except (OSError, ValueError):
            return None
        return target if real == self.root or self.root in real.parents else None

    def load(self, path: str, asked_by: str = "", line: int = 0) -> Text | None:
        """Read one file inside the root, bounded; what forbids it is recorded as a problem and None returned."""
        return self.written.get(path) or self._load(path, asked_by, line)

    def _load(self, path: str, asked_by: str, line: int) -> Text | None:
        self._loads += 1
        if len(self.files) >= self.bounds.files or self._loads > LOADS * self.bounds.files:
            self.problem("too_many_files", f"more than {self.bounds.files} files", asked_by or path, line, once=True)
            return None
        target = self._inside(path, "")
        if target is None:
            self.problem("outside_root", f"`{path}` lies outside the folder that was handed in", asked_by or path, line)
            return None
        data = self._bytes(target)
        if data is None:
            return None
        longest = max(map(len, data.split(b"\n")))
        if longest > self.bounds.line_bytes:
            number = next(i for i, one in enumerate(data.split(b"\n"), 1) if len(one) == longest)
            message = f"a line of {longest} bytes; the bound is {self.bounds.line_bytes}"
            self.problem("line_too_long", message, target, number)
            return None
        try:
            text = Text(path=target, content=decode(data))
        except NotTextError as error:
            self.problem("not_text", str(error), target)
            return None
        if target not in self.files:
            self.files.append(target)
        return text

    def _bytes(self, target: str) -> bytes | None:
        path = self.root / target
        try:
            if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises on names that are too long
                self.problem("no_such_file", f"`{target}` does not exist or is no regular file", target)
                return None
            with path.open("rb") as stream:
                data = stream.read(self.bounds.file_bytes + 1)
        except OSError as error:
            self.problem("unreadable", f"`{target}` can't be read: {error.strerror or error}", target)
            return None
        if len(data) > self.bounds.file_bytes:
            self.problem("file_too_large", f"more than {self.bounds.file_bytes} bytes", target)
            return None
        return data

    @contextmanager
    def including(self, path: str, asked_by: Text, line: int) -> Iterator[Text | None]:
        """Open an included file for the length of the block; None (and a problem) on a cycle, a bound or no file."""
        if path in self._active:
            self.problem("include_cycle", f"`{path}` includes itself", asked_by, line)
            yield None
            return
        if len(self._active) >= self.bounds.depth:
            self.problem("too_deep", f"more than {self.bounds.depth} includes deep", asked_by, line)
            yield None
            return
        # Counted as often as they are asked for: files that include each other multiply, few as they are.
        self._included += 1
        if self._included > INCLUDES * self.bounds.files:
            if self._included == INCLUDES * self.bounds.files + 1:
                self.problem("too_many_files", f"more than {INCLUDES * self.bounds.files} includes", asked_by, line)
            yield None
            return
        self._active.append(path)
        try:
            yield self.load(path, asked_by.path, line)
        finally:
            self._active.pop()

    @contextmanager
    def entering(self, path: str) -> Iterator[None]:
        """Mark the entry file as open, so that an include of it is seen as a cycle."""
        self._active.append(path)
        try:
            yield
        finally:
            self._active.pop()


def _union(first: Reference, second: Reference) -> Reference:
    return first.model_copy(
        update={
            "origins": tuple(dict.fromkeys((*first.origins, *second.origins))),
            "undetermined": first.undetermined or second.undetermined,
        }
    )
