"""The lines to change, made from the file's own text; nothing is changed here."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.model.fix import Edit, Fix
from gate.model.origin import CONDA_FORGE
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

NODEFAULTS = "nodefaults"

_CHANNELS = re.compile(r"channels\s*:\s*(?P<flow>\[[^\]]*\])?\s*(?:#.*)?$")
_ITEM = re.compile(r"(?P<indent>\s*)-\s+(?P<value>[^\s#]+)\s*(?:#.*)?$")
_DEPENDENCIES = re.compile(r"dependencies\s*:")
_INDEX = re.compile(r"\s*(?:-i|-f|--index-url|--extra-index-url|--find-links)(?:\s+|=)\S+\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """One file's text, and the edits that are wanted of it."""

    file: str
    content: str

    @property
    def every(self) -> list[str]:
        """The lines without their ends."""
        return [line.rstrip("\r\n") for line in cut(self.content)]

    def at(self, line: int) -> str:
        """Return a line, empty if there is none."""
        return self.every[line - 1] if 1 <= line <= len(self.every) else ""

    def fix(self, summary: str, edits: Sequence[Edit]) -> Fix:
        """Put edits together; the diff shows no credential, and then does not apply as it stands."""
        changed = apply(self.content, edits)
        lines = difflib.unified_diff(cut(self.content), cut(changed), f"a/{self.file}", f"b/{self.file}")
        diff = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
        return Fix(summary=summary, edits=tuple(edits), diff=redact(diff))


def cut(content: str) -> list[str]:
    """Return the lines with their ends, as `diff` and `patch` count them: a form feed ends none."""
    return re.findall(r"[^\n]*\n|[^\n]+", content)


def apply(content: str, edits: Sequence[Edit]) -> str:
    """Return the text with the edits made, the last first. Line ends stay as the file has them.

    Raises:
        ValueError: the text is not the one that an edit was made for.
    """
    lines = cut(content)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for edit in sorted(edits, key=lambda one: one.line, reverse=True):
        start, stop = edit.line - 1, edit.line - 1 + len(edit.removed)
        if [line.rstrip("\r\n") for line in lines[start:stop]] != list(edit.removed):
            message = f"line {edit.line} of `{edit.file}` is not what it was"
            raise ValueError(message)
        lines[start:stop] = [f"{line}{end}" for line in edit.added]
    return "".join(lines)


def other_channel(lines: Lines, line: int) -> Fix | None:
    """Take a dependency that names its channel from conda-forge instead; None where a line names several."""
    text = lines.at(line)
    if text.count("::") != 1:
        return None
    changed, count = re.subn(r"(?<=[\s\"'\[,-])[^\s\"'\[\],]+(?=::)", CONDA_FORGE, text, count=1)
    if not count or changed == text:
        return None
    edit = Edit(file=lines.file, line=line, removed=(text,), added=(changed,))
    return lines.fix("take it from conda-forge, if conda-forge has it", [edit])


def only_conda_forge(lines: Lines) -> Fix | None:
    """List conda-forge and `nodefaults` as the only channels of a conda environment."""
    summary = "list conda-forge and `nodefaults` as the only channels, if conda-forge has all that is listed"
    for number, text in enumerate(lines.every, 1):
        if match := _CHANNELS.match(text):
            edits = _flow(lines, number, match) if match["flow"] else _block(lines, number)
            return lines.fix(summary, edits) if edits else None
    for number, text in enumerate(lines.every, 1):
        if _DEPENDENCIES.match(text):
            added = ("channels:", f"  - {CONDA_FORGE}", f"  - {NODEFAULTS}")
            return lines.fix(summary, [Edit(file=lines.file, line=number, added=added)])
    return None


def _flow(lines: Lines, number: int, match: re.Match[str]) -> list[Edit]:
    text = lines.at(number)
    changed = text.replace(match["flow"], f"[{CONDA_FORGE}, {NODEFAULTS}]", 1)
    return [Edit(file=lines.file, line=number, removed=(text,), added=(changed,))]


def _block(lines: Lines, number: int) -> list[Edit]:
    items: list[str] = []
    for text in lines.every[number:]:
        match = _ITEM.match(text)
        if match is None:
            break
        items.append(text)
    if not items:
        return []
    indent = items[0][: len(items[0]) - len(items[0].lstrip())]
    added = (f"{indent}- {CONDA_FORGE}", f"{indent}- {NODEFAULTS}")
    return [Edit(file=lines.file, line=number + 1, removed=tuple(items), added=added)]


def without_indexes(lines: Lines, numbers: Sequence[int]) -> Fix | None:
    """Take index options out that stand on lines of their own."""
    texts = {number: lines.at(number) for number in sorted(set(numbers))}
    if not texts or not all(_INDEX.match(text) for text in texts.values()):
        return None
    edits = [Edit(file=lines.file, line=number, removed=(text,)) for number, text in texts.items()]
    return lines.fix("take it from PyPI alone, if PyPI has it", edits)


def released(lines: Lines, line: int, requirement: str, pin: str) -> Fix | None:
    """Put a pinned release in the place of a requirement that names an address."""
    text = lines.at(line)
    if text.count(requirement) != 1:
        return None
    edit = Edit(file=lines.file, line=line, removed=(text,), added=(text.replace(requirement, pin),))
    return lines.fix(f"take the release `{pin}` from PyPI", [edit])
